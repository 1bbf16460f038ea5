/* Random numbers for property tests: the same seed gives the same run.
 *
 * random_seeded() prints the seed; ENTITLED_TEST_SEED repeats a run that failed.
 */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"

struct random {
    uint64_t state;
};

static inline struct random random_seeded(const char *test)
{
    const char *given = getenv("ENTITLED_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_ms();

    printf("%s: ENTITLED_TEST_SEED=%llu\n", test, (unsigned long long)seed);
    fflush(stdout);
    return (struct random){seed};
}

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"). */
static inline uint64_t random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline int64_t random_between(struct random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(random) % (uint64_t)(high - low + 1));
}

static inline bool random_chance(struct random *random, int percent)
{
    return random_between(random, 0, 99) < percent;
}

#endif
