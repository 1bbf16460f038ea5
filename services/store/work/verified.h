/* Which records the latest commits only verified, in memory: the journal has one entry for all
 * that a commit verified, and does not say which. A follower that is further behind takes a
 * snapshot. */
#ifndef SERVICES_STORE_WORK_VERIFIED_H
#define SERVICES_STORE_WORK_VERIFIED_H

#include "common/base/str.h"

struct verified;

/* since: the last commit of which nothing is known. */
struct verified *verified_new(int64_t since);
void verified_free(struct verified *verified); /* takes NULL */
void verified_add(struct verified *verified, int64_t seq, struct str id);
/* False: they are not known any more. */
bool verified_each(const struct verified *verified, int64_t seq,
                   void (*visit)(void *arg, struct str id), void *arg);

#endif
