/* The wall clock for what removes things by their age: it follows, but no faster than ten times the
 * monotonic clock, over restarts too. So a clock that is set years ahead for an hour removes what
 * is ten hours past its time, and not a year's journal. */
#ifndef SERVICES_STORE_TABLES_STEADY_CLOCK_H
#define SERVICES_STORE_TABLES_STEADY_CLOCK_H

#include "services/store/disk/change.h"

/* Zero: as it was stored. */
struct steady_clock {
    int64_t now_s, stored_s;
    int64_t mono_ms; /* when it was that */
};

/* The change's time, as far as it is followed. Stored with the change, now and then. */
int64_t steady_clock_now_s(struct steady_clock *clock, struct change *change, int64_t mono_ms);

#endif
