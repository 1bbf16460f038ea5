/* A fast hash of bytes, after wyhash (Wang Yi, public domain). Without the seed nobody can
 * choose bytes that collide. */
#ifndef COMMON_BASE_HASH_H
#define COMMON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_read_8(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t hash_read_4(const unsigned char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t hash_bytes(const unsigned char *at, size_t len, uint64_t seed)
{
    const uint64_t key_a = 0xa0761d6478bd642fu, key_b = 0xe7037ed1a0b428dbu;
    uint64_t hash = seed, a = 0, b = 0;
    size_t left = len;

    for (; left > 16; left -= 16, at += 16)
        hash = hash_mix(hash_read_8(at) ^ key_a, hash_read_8(at + 8) ^ hash);
    if (left >= 8) {
        a = hash_read_8(at);
        b = hash_read_8(at + left - 8);
    } else if (left >= 4) {
        a = hash_read_4(at);
        b = hash_read_4(at + left - 4);
    } else if (left > 0) {
        a = (uint64_t)at[0] << 16 | (uint64_t)at[left >> 1] << 8 | at[left - 1];
    }
    return hash_mix(key_b ^ len, hash_mix(a ^ key_b, b ^ hash));
}

#endif
