/* The wall clock may be set at any time. The monotonic one tells. */
#include "common/log/log.h"
#include "services/store/process/store.h"

enum { NOTABLE_MS = 10000 };

/* Plans made by another clock would keep work from being due, or make it due too early. */
void store_watch_clock(struct store *store, struct moment now)
{
    int64_t ahead_ms = now.wall_ms - now.mono_ms;
    int64_t set_by_ms = ahead_ms - store->wall_ahead_ms;
    bool known = store->wall_ahead_ms != 0;

    store->wall_ahead_ms = ahead_ms;
    if (!known || (set_by_ms < NOTABLE_MS && set_by_ms > -NOTABLE_MS))
        return;
    log_warning("the clock was set: due work is planned anew", LOG_INT("by_s", set_by_ms / 1000));
    store_plan_anew(store);
}
