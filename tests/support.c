#include "support.h"

#include "scalar/random.h"

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tests hold messages to what the command says. */
__attribute__((constructor)) static void with_dashes(void) { cusgd_set_option_dashes(1); }

enum { PATH_BYTES = 512, PATHS = 16, NOBODY = 65534 };

static char folder[PATH_BYTES];
static int visitor;

void folder_setup(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/cusgd-test.XXXXXX", parent && *parent ? parent : "/tmp");
    cr_assert(mkdtemp(folder), "no temporary folder can be made at %s", folder);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info, (void)type, (void)position;
    return remove(path);
}

/* A read-only folder's files can be removed only when it is writable again. */
static int unlock_one(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info, (void)position;
    return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

void folder_teardown(void)
{
    if (visitor) cr_assert_eq(seteuid(0), 0);
    visitor = 0;
    nftw(folder, unlock_one, 8, FTW_PHYS);
    nftw(folder, remove_one, 8, FTW_PHYS | FTW_DEPTH);
}

const char *path_of(const char *name)
{
    static char paths[PATHS][2 * PATH_BYTES];
    static int next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof *paths, "%s%s%s", folder, *name ? "/" : "", name);
    return path;
}

const char *file_bytes(const char *name, const void *bytes, size_t count)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    cr_assert(file, "%s cannot be written", path);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *file_text(const char *name, const char *text) { return file_bytes(name, text, strlen(text)); }

char *file_read(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s cannot be read", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    cr_assert(size >= 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    cr_assert(bytes);
    *count = fread(bytes, 1, (size_t)size, file);
    cr_assert_eq(*count, (size_t)size);
    bytes[*count] = '\0';
    fclose(file);
    return bytes;
}

int file_is(const char *path, const char *text)
{
    size_t count;
    char *bytes = file_read(path, &count);
    int equal = count == strlen(text) && memcmp(bytes, text, count) == 0;
    free(bytes);
    return equal;
}

int file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

int folder_count(const char *path)
{
    DIR *entries = opendir(path);
    cr_assert(entries, "%s cannot be listed", path);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(entries);
    return count;
}

void become_visitor(void)
{
    if (geteuid() != 0) return;
    cr_assert_eq(chmod(folder, 0755), 0);
    cr_assert_eq(seteuid(NOBODY), 0);
    visitor = 1;
}

void limit_file_size(size_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

uint64_t random_next(random_source *r) { return random_bits(r->key, r->next++, 0); }
uint64_t random_under(random_source *r, uint64_t n) { return random_below(random_next(r), n); }
