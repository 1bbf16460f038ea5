#include "common/log/once_a_minute.h"

#include <stddef.h>

bool once_a_minute(struct once_a_minute *line, int64_t now_mono_ms, uint64_t total,
                   uint64_t *ret_since_last)
{
    enum { MINUTE_MS = 60000 };
    int64_t again_at = atomic_load(&line->again_at_mono_ms);

    if (now_mono_ms < again_at || !atomic_compare_exchange_strong(
                                      &line->again_at_mono_ms, &again_at, now_mono_ms + MINUTE_MS))
        return false;
    uint64_t told = atomic_exchange(&line->told, total);
    if (ret_since_last)
        *ret_since_last = total - told;
    return true;
}
