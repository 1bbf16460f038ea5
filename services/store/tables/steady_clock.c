#include "services/store/tables/steady_clock.h"

enum { FASTEST = 10, STORE_EVERY_S = 3600 };

static const char meta_key[] = "steady_clock";

static void load(struct steady_clock *clock, struct change *change, int64_t mono_ms)
{
    struct str value;

    clock->mono_ms = mono_ms;
    if (db_get(change->db, TABLE_META, str_of(meta_key), &change->arena, &value))
        clock->now_s = clock->stored_s = (int64_t)db_read_u64(value);
    else
        clock->now_s = change_now_s(change);
}

static bool is_worth_storing(const struct steady_clock *clock)
{
    int64_t moved_s = clock->now_s - clock->stored_s;

    return moved_s >= STORE_EVERY_S || moved_s <= -STORE_EVERY_S;
}

static int64_t nearer(int64_t from_s, int64_t to_s, int64_t by_s)
{
    if (to_s > from_s + by_s)
        return from_s + by_s;
    return to_s < from_s - by_s ? from_s - by_s : to_s;
}

int64_t steady_clock_now_s(struct steady_clock *clock, struct change *change, int64_t mono_ms)
{
    if (clock->now_s == 0)
        load(clock, change, mono_ms);
    clock->now_s =
        nearer(clock->now_s, change_now_s(change), FASTEST * (mono_ms - clock->mono_ms) / 1000);
    clock->mono_ms = mono_ms;
    if (is_worth_storing(clock)) {
        db_put(change->db, TABLE_META, str_of(meta_key),
               db_key_u64(&change->arena, (uint64_t)clock->now_s));
        clock->stored_s = clock->now_s;
    }
    return clock->now_s;
}
