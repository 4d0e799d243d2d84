/* A fast hash of 64 bits, which detects damage but does not resist attacks. */
#ifndef CUSGD_HOST_DATA_HASH_H
#define CUSGD_HOST_DATA_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* Continues a hash with `count` bytes. The result depends on how the bytes are divided between calls. The lanes are independent
 * of each other. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    enum { LANES = 4 };
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t value, lane[LANES] = {hash, 1, 2, 3};
    for (; count >= sizeof lane; count -= sizeof lane)
        for (int i = 0; i < LANES; i++, at += sizeof value) {
            memcpy(&value, at, sizeof value);
            lane[i] = hash_mix(lane[i], value);
        }
    for (int i = 1; i < LANES; i++) lane[0] = hash_mix(lane[0], lane[i]);
    for (; count > 0; count--) lane[0] = hash_mix(lane[0], *at++);
    return hash_mix(lane[0], 1);
}

#endif
