/* What the caller has mapped. */
#include "data.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The line of the map in which the address lies, as the system lists it; 0: none. */
static int find_line(FILE *list, uintptr_t address, char *line, int size, uintptr_t *begin)
{
    while (fgets(line, size, list)) {
        uintptr_t first, end;
        int is_whole = strchr(line, '\n') != NULL;
        int found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &end) == 2 && address >= first && address < end;
        for (int c = 0; !is_whole && c != EOF && c != '\n';) c = fgetc(list);
        *begin = first;
        if (found) return 1;
    }
    return 0;
}

int map_is_of(const void *at, int file, size_t offset)
{
    struct stat info;
    char line[256], shared;
    uintptr_t begin;
    uint64_t start, inode;
    unsigned high, low;
    FILE *list = file >= 0 && fstat(file, &info) == 0 ? fopen("/proc/self/maps", "re") : NULL;
    int found = list && find_line(list, (uintptr_t)at, line, sizeof line, &begin);
    if (list) fclose(list);
    if (!found || sscanf(line, "%*s %*3c%c %" SCNx64 " %x:%x %" SCNu64, &shared, &start, &high, &low, &inode) != 5) return 0;
    return shared == 's' && inode == info.st_ino && makedev(high, low) == info.st_dev &&
           start + ((uintptr_t)at - begin) == offset;
}
