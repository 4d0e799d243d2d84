/* The fuzzers' readers (tests/fuzz) without a fuzzer: the corpus, which has every input that ended a fuzzer before its fault was
 * mended, and some thousand changes of it, equal in every run. scripts/fuzz.sh searches further. */
#include "fuzz/fuzz.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_FILES = 256, ROOM = 8192 };

typedef struct input {
    char *at;
    size_t count;
} input;

typedef struct corpus {
    input file[MOST_FILES];
    size_t count;
} corpus;

static void setup(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    folder_setup();
    cr_assert(nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(nothing, STDOUT_FILENO) >= 0);
    fuzz_set_folder(path_of(""));
    setenv("CUSGD_MODULE_DIR", TEST_MODULES, 1);
}

TestSuite(fuzz, .init = setup, .fini = folder_teardown);

static int by_bytes(const void *a, const void *b)
{
    const input *x = a, *y = b;
    size_t least = x->count < y->count ? x->count : y->count;
    int order = memcmp(x->at, y->at, least);
    return order ? order : (x->count > y->count) - (x->count < y->count);
}

/* In an order that does not depend on the folder's. */
static void corpus_read(const fuzz_reader *reader, corpus *c)
{
    char path[1024];
    c->count = 0;
    snprintf(path, sizeof path, "%s/%s", TEST_CORPUS, reader->name);
    DIR *entries = opendir(path);
    cr_assert(entries, "%s cannot be listed", path);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        cr_assert_lt(c->count, (size_t)MOST_FILES);
        snprintf(path, sizeof path, "%s/%s/%s", TEST_CORPUS, reader->name, entry->d_name);
        c->file[c->count].at = file_read(path, &c->file[c->count].count);
        c->count++;
    }
    closedir(entries);
    cr_assert_gt(c->count, (size_t)0, "reader %s", reader->name);
    qsort(c->file, c->count, sizeof *c->file, by_bytes);
}

static void corpus_free(corpus *c)
{
    for (size_t i = 0; i < c->count; i++) free(c->file[i].at);
}

/* From memory of exactly its size, so that a sanitizer sees a read beyond it. */
static void feed(const fuzz_reader *reader, const char *at, size_t count)
{
    uint8_t *bytes = malloc(count ? count : 1);
    cr_assert(bytes);
    memcpy(bytes, at, count);
    reader->feed(bytes, count);
    free(bytes);
}

Test(fuzz, corpus)
{
    static corpus c;
    for (size_t r = 0; fuzz_reader_at(r); r++) {
        corpus_read(fuzz_reader_at(r), &c);
        for (size_t i = 0; i < c.count; i++) feed(fuzz_reader_at(r), c.file[i].at, c.file[i].count);
        corpus_free(&c);
    }
}

/* Replaces `old` bytes at `at` by `count` others, as far as there is room. */
static void exchange(char *text, size_t *size, size_t at, size_t old, const char *from, size_t count)
{
    if (*size - old + count > ROOM) return;
    memmove(text + at + count, text + at + old, *size - at - old);
    memcpy(text + at, from, count);
    *size = *size - old + count;
}

/* One change: a bit, a byte, a number in text, a piece left out, doubled, or taken from another file. */
static void change(const corpus *c, random_source *r, char *text, size_t *size)
{
    static const char *const telling[] = {"\xFF", "\0",         "-1",           "nan", "1e999", "\"",
                                          "\n",   "4294967296", "\xEF\xBB\xBF", "{",   "[",     ","};
    char piece[ROOM];
    size_t at = random_under(r, *size + 1), most = *size - at < 64 ? *size - at : 64;
    const input *other = &c->file[random_under(r, c->count)];
    size_t from = random_under(r, other->count + 1), length = random_under(r, most + 1);
    switch (random_under(r, 6)) {
    case 0:
        if (at < *size) text[at] = (char)(text[at] ^ (1 << random_under(r, 8)));
        break;
    case 1:
        if (at < *size) text[at] = (char)random_under(r, 256);
        break;
    case 2: {
        const char *word = telling[random_under(r, sizeof telling / sizeof *telling)];
        exchange(text, size, at, random_under(r, 2) ? 0 : length, word, strlen(word) ? strlen(word) : 1);
        break;
    }
    case 3: exchange(text, size, at, length, "", 0); break;
    case 4:
        memcpy(piece, text + at, length);
        exchange(text, size, at, 0, piece, length);
        break;
    default:
        if (other->count - from < length) length = other->count - from;
        exchange(text, size, at, 0, other->at + from, length);
    }
}

Test(fuzz, changes_of_the_corpus)
{
    static corpus c;
    static char text[ROOM];
    random_source r = {.key = 18};
    int rounds = getenv("CUSGD_TORTURE") ? 100000 : 500;
    for (size_t which = 0; fuzz_reader_at(which); which++) {
        if (fuzz_reader_at(which)->by_others) continue;
        corpus_read(fuzz_reader_at(which), &c);
        for (int i = 0; i < rounds; i++) {
            const input *start = &c.file[random_under(&r, c.count)];
            size_t size = start->count < ROOM ? start->count : ROOM;
            memcpy(text, start->at, size);
            for (uint64_t n = 1 + random_under(&r, 4); n > 0; n--) change(&c, &r, text, &size);
            feed(fuzz_reader_at(which), text, size);
        }
        corpus_free(&c);
    }
}
