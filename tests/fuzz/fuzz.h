/* The readers that are fed with made-up bytes: by libFuzzer (scripts/fuzz.sh), and with the corpus alone by test_fuzz.c. Each may
 * refuse its input; it must not crash, leak, or read or write where it should not, which the sanitizers watch, and what it
 * accepts must hold together, or it calls abort(). */
#ifndef CUSGD_TESTS_FUZZ_H
#define CUSGD_TESTS_FUZZ_H

#include "cusgd.h"

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_reader {
    const char *name; /* of its folder in tests/fuzz/corpus, too */
    void (*feed)(const uint8_t *bytes, size_t size);
    int by_others; /* 1: a library that is not ours reads the bytes first: tests, which cannot rely on it, feed the corpus alone
                    */
} fuzz_reader;

/* NULL past the last. */
const fuzz_reader *fuzz_reader_at(size_t i);

/* The folder where files are put for readers that take a path; it has to be there. Before anything is fed. */
void fuzz_set_folder(const char *folder);

/* fuzz.c: ends the process at a status that no input may be answered by. */
void fuzz_check_status(cusgd_status status);
/* fuzz.c: reads what the data say of themselves. */
void fuzz_walk(const cusgd_data *data);
/* fuzz_arrow.c */
void feed_arrow(const uint8_t *bytes, size_t size);
/* fuzz_command.c */
void feed_command(const uint8_t *bytes, size_t size);
/* fuzz_checkpoint.c: a byte that chooses the trainer, then the checkpoint. */
void feed_checkpoint(const uint8_t *bytes, size_t size);
/* fuzz_expression.c */
void feed_expression(const uint8_t *bytes, size_t size);

#endif
