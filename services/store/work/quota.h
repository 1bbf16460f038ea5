/* The quota of GetEntitlements as a pace: tokens come one by one, evenly, so that no second holds
 * more than AWS allows. Pure but for its own state; the monotonic time is always given. */
#ifndef SERVICES_STORE_WORK_QUOTA_H
#define SERVICES_STORE_WORK_QUOTA_H

#include "proto/message.h"

struct quota {
    double base_per_s; /* with nothing throttled */
    double rate_per_s; /* now */
    int64_t next_us;   /* when the next token is there */
    int64_t rate_at_us;
    int64_t throttled_at_us;
    double share[due_class_count];    /* of the rate, that a class is sure of */
    int64_t last_us[due_class_count]; /* when it had its last token */
    uint64_t taken[due_class_count];
    uint64_t throttles;
};

/* Starts empty: the store before this one may have spent this second's tokens. share_percent is
 * indexed by class. */
void quota_init(struct quota *quota, int64_t per_second,
                const int64_t share_percent[due_class_count], int64_t now_us);
/* Microseconds until there is a token; 0: now. */
int64_t quota_wait_us(const struct quota *quota, int64_t now_us);
/* Takes the token for one of the classes that wait (bit 1 << class): one that has had less than
 * its share, else the most urgent. None if there is no token or no caller waits. */
enum due_class quota_take(struct quota *quota, unsigned waiting, int64_t now_us);
/* The token that was just taken was not used after all. */
void quota_give_back(struct quota *quota, enum due_class class, int64_t now_us);
/* AWS throttled: half the pace, recovering by itself. */
void quota_throttled(struct quota *quota, int64_t now_us);

#endif
