/* The emulated GPU's module as the tests of the library reach it: what tests/emulator/emulator.h declares, found by name in the
 * module that CUSGD_MODULE_DIR names. */
#ifndef CUSGD_TESTS_EMULATED_H
#define CUSGD_TESTS_EMULATED_H

#include "module.h"

typedef struct emulated_module {
    module_open *open;
    module_describe *describe;
    void (*set_order)(unsigned order), (*set_laziness)(unsigned laziness), (*set_memory)(size_t bytes);
    void (*set_multiprocessors)(int count), (*reverse_words)(int reversed), (*miss_barrier)(unsigned round);
    size_t (*live_bytes)(void), (*live_objects)(void);
    void (*fail_call)(unsigned long n), (*fail_from)(unsigned long n), (*refuse)(const char *name);
    const char *(*failed_call)(void);
    unsigned long (*calls_of)(const char *name), (*drains)(void);
    void *(*user_memory)(size_t bytes), *(*user_stream)(void);
    void (*user_free)(void *p), (*user_stream_free)(void *stream);
    int (*user_copy)(void *to, const void *from, size_t bytes, void *stream);
} emulated_module;

/* 0: there is no such module, or a real GPU's. */
int emulated_find(emulated_module *out);

/* Calls that give something back, as unbinding does: a failure leaves nothing undone that anybody needs, so nothing is reported.
 */
int emulated_is_cleanup(const char *call);
/* Whether a message says which call it was that failed; memory that is refused is named by what it was for. */
int emulated_is_named(const char *message, const char *call);

#endif
