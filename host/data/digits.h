/* Parsing of decimal digits, eight at a time. */
#ifndef CUSGD_HOST_DATA_DIGITS_H
#define CUSGD_HOST_DATA_DIGITS_H

#include <stdint.h>
#include <string.h>

/* Loads the eight bytes from `at` on, with the first one as the lowest. */
static inline uint64_t load_eight(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(bytes) : bytes;
}

/* Returns the values of the digits at the beginning of eight bytes, with the first one in the lowest byte. The bytes after them
 * are not cleared. *count: the number of digits. */
static inline uint64_t digits_of(uint64_t bytes, int *count)
{
    uint64_t others;
    bytes ^= UINT64_C(0x3030303030303030);
    others =
        ((bytes + UINT64_C(0x7676767676767676)) | bytes) & UINT64_C(0x8080808080808080); /* up to the first one that is set */
    *count = others ? __builtin_ctzll(others) / 8 : 8;
    return bytes;
}

static inline uint64_t take_eight(const char *at, int *count) { return digits_of(load_eight(at), count); }

/* Returns the number with eight digits from digits_of(): joins pairs, then fours, then all by one multiplication each. */
static inline uint64_t join_eight(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & UINT64_C(0x000000FF000000FF)) * (100 + (UINT64_C(1000000) << 32)) +
            (digits >> 16 & UINT64_C(0x000000FF000000FF)) * (1 + (UINT64_C(10000) << 32))) >>
           32;
}

#endif
