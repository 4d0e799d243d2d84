/* The size of the machine's memory. */
#ifndef CUSGD_HOST_PHYSICAL_MEMORY_H
#define CUSGD_HOST_PHYSICAL_MEMORY_H

#include <unistd.h>

/* Returns the bytes of memory of this machine; 0: unknown. */
static inline double memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (double)pages * (double)page : 0;
}

#endif
