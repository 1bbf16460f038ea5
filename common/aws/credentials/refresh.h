/* When credentials are asked for again. The times are botocore's (RefreshableCredentials). */
#ifndef COMMON_AWS_CREDENTIALS_REFRESH_H
#define COMMON_AWS_CREDENTIALS_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

/* From when on others are asked for ahead of the expiry. */
enum { REFRESH_AHEAD_MS = 15 * 60 * 1000 };

struct refresh {
    bool never_expires;
    int64_t left_ms;
    unsigned failures; /* of the source, in a row */
    bool usable;
    bool outlives_expiry;
};

/* random: from 0 to 1. -1: not again. */
int64_t refresh_delay_ms(const struct refresh *refresh, double random);
/* Whether it is that long until the advisory time, so that the wall clock counts too. */
bool refresh_is_ahead(const struct refresh *refresh);

#endif
