/* Files that take the place of others, and the check that examples pass before training. */
#include "data.h"
#include "options.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(replace, .init = folder_setup, .fini = folder_teardown);
TestSuite(check);

/* ---- Replacement --------------------------------------------------------------------------------------------------------- */

static cusgd_status put(const char *path, const char *text)
{
    replacement *r;
    cusgd_status status = replacement_open(path, &r);
    if (status) return status;
    status = replacement_write(r, text, strlen(text));
    if (!status) return replacement_commit(r);
    replacement_abandon(r);
    return status;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

Test(replace, makes_and_replaces)
{
    const char *path = path_of("file");
    umask(027);
    assert_works(put(path, "one"));
    cr_assert(file_is(path, "one"));
    cr_assert_eq(mode_of(path), 0640);
    cr_assert_eq(chmod(path, 0604), 0);
    assert_works(put(path, "two"));
    cr_assert(file_is(path, "two"));
    cr_assert_eq(mode_of(path), 0604);
    cr_assert_eq(folder_count(path_of("")), 1);
    cr_assert_eq(chdir(path_of("")), 0); /* a name without a folder */
    assert_works(put("file", "three"));
    cr_assert(file_is(path, "three"));
}

Test(replace, abandoned)
{
    replacement *r;
    assert_works(put(path_of("file"), "old"));
    assert_works(replacement_open(path_of("file"), &r));
    assert_works(replacement_write(r, "new", 3));
    replacement_abandon(r);
    replacement_abandon(NULL);
    cr_assert(file_is(path_of("file"), "old"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

Test(replace, two_at_once)
{
    replacement *a, *b;
    assert_works(replacement_open(path_of("file"), &a));
    assert_works(replacement_open(path_of("file"), &b));
    assert_works(replacement_write(a, "a", 1));
    assert_works(replacement_write(b, "b", 1));
    assert_works(replacement_commit(b));
    assert_works(replacement_commit(a));
    cr_assert(file_is(path_of("file"), "a"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

Test(replace, links)
{
    cr_assert_eq(mkdir(path_of("sub"), 0700), 0);
    assert_works(put(path_of("sub/file"), "old"));
    cr_assert_eq(symlink("sub/link", path_of("link")), 0);
    cr_assert_eq(symlink("file", path_of("sub/link")), 0);
    assert_works(put(path_of("link"), "new"));
    cr_assert(file_is(path_of("sub/file"), "new"));
    char target[16];
    cr_assert_eq(readlink(path_of("link"), target, sizeof target), 8);
    cr_assert_eq(symlink(path_of("sub/made"), path_of("dangling")), 0);
    assert_works(put(path_of("dangling"), "made"));
    cr_assert(file_is(path_of("sub/made"), "made"));
    cr_assert_eq(symlink("loop", path_of("loop")), 0);
    assert_fails(put(path_of("loop"), "x"), CUSGD_ERROR_DATA, "leads nowhere");
    cr_assert_eq(folder_count(path_of("sub")), 3);
}

Test(replace, refused_places)
{
    assert_fails(put("", "x"), CUSGD_ERROR_DATA, "a file needs a name");
    assert_fails(put(path_of(""), "x"), CUSGD_ERROR_DATA, "is a folder");
    assert_fails(put(path_of("none/"), "x"), CUSGD_ERROR_DATA, "names a folder");
    assert_fails(put(path_of("none/file"), "x"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert_eq(mkfifo(path_of("pipe"), 0600), 0);
    assert_fails(put(path_of("pipe"), "x"), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(put("/dev/null", "x"), CUSGD_ERROR_DATA, "not a regular file");
    assert_works(put(path_of("file"), "old"));
    assert_fails(put(path_of("file/below"), "x"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert_eq(folder_count(path_of("")), 2);
}

Test(replace, without_permission)
{
    cr_assert_eq(mkdir(path_of("locked"), 0755), 0);
    assert_works(put(path_of("locked/file"), "old"));
    cr_assert_eq(chmod(path_of("locked/file"), 0666), 0);
    cr_assert_eq(chmod(path_of("locked"), 0555), 0);
    cr_assert_eq(mkdir(path_of("open"), 0777), 0);
    cr_assert_eq(chmod(path_of("open"), 0777), 0);
    assert_works(put(path_of("open/kept"), "old"));
    cr_assert_eq(chmod(path_of("open/kept"), 0444), 0);
    become_visitor();
    assert_fails(put(path_of("locked/file"), "new"), CUSGD_ERROR_DATA, "cannot be written into its folder");
    assert_fails(put(path_of("locked/other"), "new"), CUSGD_ERROR_DATA, "cannot be written into its folder");
    assert_fails(put(path_of("open/kept"), "new"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert(file_is(path_of("locked/file"), "old"));
    cr_assert(file_is(path_of("open/kept"), "old"));
    cr_assert_eq(folder_count(path_of("locked")), 1);
    cr_assert_eq(folder_count(path_of("open")), 1);
}

Test(replace, full_disk)
{
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    assert_works(put(path_of("file"), "old"));
    limit_file_size(4096);
    assert_fails(put(path_of("file"), text), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert(file_is(path_of("file"), "old"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

/* ---- Checks -------------------------------------------------------------------------------------------------------------- */

enum { N = 5000, D = 37, K = 2 };

/* Examples in one of many layouts, whose values can be set. */
typedef struct layout {
    examples e;
    double *x, *y, *w;
    float *narrow;
    int64_t *rows;
} layout;

static layout layout_make(int fortran, int narrow, int listed)
{
    layout l = {.e = {.n = N, .d = D, .k = K}};
    l.x = calloc((size_t)N * (D + 1), sizeof *l.x);
    l.narrow = calloc((size_t)N * (D + 1), sizeof *l.narrow);
    l.y = calloc((size_t)N * K, sizeof *l.y);
    l.w = calloc((size_t)N, sizeof *l.w);
    l.rows = calloc((size_t)N, sizeof *l.rows);
    for (int64_t i = 0; i < N; i++) {
        l.rows[i] = N - 1 - i;
        l.w[i] = 1;
    }
    cusgd_type type = narrow ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    int64_t row_stride = fortran == 1 ? 1 : fortran == 2 ? D + 1 : D, col_stride = fortran == 1 ? N : 1;
    l.e.x = (cusgd_matrix){narrow ? (void *)l.narrow : (void *)l.x, type, row_stride, col_stride};
    l.e.y = (cusgd_matrix){l.y, CUSGD_TYPE_FLOAT64, K, 1};
    l.e.w = (cusgd_matrix){l.w, CUSGD_TYPE_FLOAT64, 1, 1};
    if (listed) l.e.rows = l.rows;
    return l;
}

static void layout_free(layout *l)
{
    free(l->x);
    free(l->narrow);
    free(l->y);
    free(l->w);
    free(l->rows);
}

static void set_x(layout *l, int64_t i, int64_t j, double value)
{
    int64_t at = i * l->e.x.row_stride + j * l->e.x.col_stride;
    l->x[at] = value;
    l->narrow[at] = (float)value;
}

Test(check, finds_the_first_bad_value)
{
    for (int kind = 0; kind < 12; kind++) {
        int listed = kind >= 6;
        layout l = layout_make(kind % 3, kind / 3 % 2, listed);
        for (int threads = 0; threads <= 5; threads++) {
            assert_works(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads));
            set_x(&l, 4321, 36, (double)NAN);
            assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads), CUSGD_ERROR_DATA,
                         "data: row 4322, column 37: nan");
            set_x(&l, 17, 3, -HUGE_VAL);
            assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads), CUSGD_ERROR_DATA,
                         listed ? "row 4322, column 37: nan" : "row 18, column 4: -inf");
            set_x(&l, 4321, 36, 1);
            assert_fails(examples_check(&l.e, -1, "data", threads), CUSGD_ERROR_DATA, "row 18, column 4: -inf");
            set_x(&l, 17, 3, (double)3.4e38f); /* finite in both */
        }
        layout_free(&l);
    }
}

Test(check, targets_and_weights)
{
    layout l = layout_make(0, 0, 0);
    l.y[2 * 16 + 1] = 2;
    assert_works(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", 0));
    assert_works(examples_check(&l.e, -1, "data", 0));
    assert_fails(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "d.csv", 0), CUSGD_ERROR_DATA,
                 "d.csv: row 17: target 2, 2 does not fit logistic loss, which takes 0 and 1");
    l.y[2 * 16 + 1] = (double)NAN;
    assert_works(examples_check(&l.e, -1, "data", 0));
    assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", 0), CUSGD_ERROR_DATA, "row 17: target 2, nan is not a finite");
    l.y[2 * 16 + 1] = 1;
    assert_works(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "data", 0));

    const double bad[] = {-1, (double)NAN, HUGE_VAL};
    for (int i = 0; i < 3; i++) {
        l.w[4999] = bad[i];
        assert_fails(examples_check(&l.e, -1, "data", 0), CUSGD_ERROR_DATA, "row 5000: the weight");
    }
    l.w[4999] = 0;
    assert_works(examples_check(&l.e, -1, "data", 0));
    memset(l.w, 0, N * sizeof *l.w);
    assert_fails(examples_check(&l.e, -1, "data", 0), CUSGD_ERROR_DATA, "every weight is 0");
    l.w[2500] = 1e-300;
    assert_works(examples_check(&l.e, -1, "data", 0));
    l.e.w.at = l.e.y.at = NULL;
    l.e.k = 0;
    assert_works(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "data", 0));
    layout_free(&l);
}

/* ---- What the caller has mapped ---- */

/* 1 if the bytes at `at` are read from the file `path` of which they are said to be. */
static int is_read_from_file(const char *path, const void *at, size_t bytes, size_t offset)
{
    file_piece piece;
    void *watch;
    assert_works(file_watch(path, at, bytes, offset, &watch));
    int64_t count = file_pieces((const char *)at + 100, &piece, 1);
    if (count > 0)
        cr_assert(count == 1 && piece.file >= 0 && piece.start == offset + 100 && piece.bytes == bytes - 100 && piece.at == 0);
    file_unwatch(watch);
    return count == 1;
}

/* Where the memory is shared with that file, and nowhere else: private memory may differ from it. */
Test(replace, shared_maps_are_read_from_their_file)
{
    enum { BYTES = 40000, BEHIND = 4096 + 72 };
    static char text[BYTES];
    char path[600], other[600];
    snprintf(path, sizeof path, "%s", file_bytes("a", text, BYTES));
    snprintf(other, sizeof other, "%s", file_bytes("b", text, BYTES));
    int file = open(path, O_RDWR);
    char *shared = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, file, 0), *own = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, file, 0);
    cr_assert(file >= 0 && shared != MAP_FAILED && own != MAP_FAILED);
    cr_assert_eq(is_read_from_file(path, shared + BEHIND, BYTES - BEHIND, BEHIND), 1);
    cr_assert_eq(is_read_from_file(path, shared + BEHIND, BYTES - BEHIND - 80, BEHIND + 80), 0, "another place of the file");
    cr_assert_eq(is_read_from_file(path, own + BEHIND, BYTES - BEHIND, BEHIND), 0, "private memory");
    cr_assert_eq(is_read_from_file(other, shared + BEHIND, BYTES - BEHIND, BEHIND), 0, "another file");
    cr_assert_eq(rename(other, path), 0);
    cr_assert_eq(is_read_from_file(path, shared + BEHIND, BYTES - BEHIND, BEHIND), 0, "another file of that name");
    munmap(shared, BYTES);
    munmap(own, BYTES);
    close(file);
}
