/* What the caller has mapped. */
#include "data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A number; *at becomes the place behind it and one more character. */
static uintmax_t take_number(char **at, int base)
{
    uintmax_t value = strtoumax(*at, at, base);
    *at += **at != '\0';
    return value;
}

/* A line of the system's list: "BEGIN-END PERMISSIONS START MAJOR:MINOR INODE PATH". */
typedef struct map_line {
    uintmax_t begin, end, start, inode;
    dev_t device;
    int is_shared;
} map_line;

static map_line parse(char *line)
{
    map_line m = {.begin = take_number(&line, 16)};
    m.end = take_number(&line, 16);
    m.is_shared = strnlen(line, 5) == 5 && line[3] == 's';
    line += strcspn(line, " ");
    m.start = take_number(&line, 16);
    unsigned high = (unsigned)take_number(&line, 16), low = (unsigned)take_number(&line, 16);
    m.device = makedev(high, low);
    m.inode = take_number(&line, 10);
    return m;
}

/* The map in which the address lies; 0: none. */
static int find(FILE *list, uintptr_t address, map_line *found)
{
    char line[256];
    while (fgets(line, sizeof line, list)) {
        int c = strchr(line, '\n') ? '\n' : 0;
        while (c != EOF && c != '\n') c = fgetc(list);
        *found = parse(line);
        if (address >= found->begin && address < found->end) return 1;
    }
    return 0;
}

int map_is_of(const void *at, int file, size_t offset)
{
    struct stat info;
    map_line m;
    uintptr_t address = (uintptr_t)at;
    FILE *list = file >= 0 && fstat(file, &info) == 0 ? fopen("/proc/self/maps", "re") : NULL;
    int found = list && find(list, address, &m);
    if (list) fclose(list);
    return found && m.is_shared && m.inode == info.st_ino && m.device == info.st_dev && m.start + (address - m.begin) == offset;
}
