/* Counters of what happens between a client and its checkers; they begin with the process. */
#ifndef PROTO_CLIENTS_C_CALL_TALLY_H
#define PROTO_CLIENTS_C_CALL_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/clients/c/include/entitled.h"

enum { TALLY_COUNTERS = ENTITLED_COUNT_DROPPED + 1 };

struct tally {
    atomic_uint_fast64_t counts[TALLY_COUNTERS]; /* by enum entitled_counter */
};

static inline void tally_add(struct tally *tally, enum entitled_counter counter, uint64_t more)
{
    atomic_fetch_add_explicit(&tally->counts[counter], more, memory_order_relaxed);
}

static inline uint64_t tally_read(const struct tally *tally, enum entitled_counter counter)
{
    return atomic_load_explicit(&tally->counts[counter], memory_order_relaxed);
}

#endif
