#include "services/store/work/quota.h"

enum { SECOND_US = 1000000, SLACK_US = 5000 };

/* AWS counts arrivals, which jitter on their way: a little below what it allows. */
static const double margin = 0.95;
static const double slowest_per_s = 0.5;
/* Of the base, per second: half the pace is regained in 25 s. */
static const double recovery = 0.02;

void quota_init(struct quota *quota, int64_t per_second,
                const int64_t share_percent[due_class_count], int64_t now_us)
{
    double base = margin * (double)per_second;

    *quota = (struct quota){.base_per_s = base,
                            .rate_per_s = base,
                            .next_us = now_us + SECOND_US,
                            .rate_at_us = now_us,
                            .throttled_at_us = now_us - SECOND_US};
    for (int class = 0; class < due_class_count; class ++) {
        quota->share[class] = (double)share_percent[class] / 100.0;
        quota->last_us[class] = now_us;
    }
}

int64_t quota_wait_us(const struct quota *quota, int64_t now_us)
{
    return quota->next_us > now_us ? quota->next_us - now_us : 0;
}

static void recover(struct quota *quota, int64_t now_us)
{
    double passed_s = (double)(now_us - quota->rate_at_us) / SECOND_US;

    quota->rate_at_us = now_us;
    quota->rate_per_s += recovery * quota->base_per_s * passed_s;
    if (quota->rate_per_s > quota->base_per_s)
        quota->rate_per_s = quota->base_per_s;
}

static bool is_owed(const struct quota *quota, int class, int64_t now_us)
{
    if (quota->share[class] <= 0)
        return false;
    double interval_us = SECOND_US / (quota->rate_per_s * quota->share[class]);
    return (double)(now_us - quota->last_us[class]) >= interval_us;
}

static int choose(const struct quota *quota, unsigned waiting, int64_t now_us)
{
    for (int class = due_class_none + 1; class < due_class_count; class ++) {
        if (waiting & 1u << class && is_owed(quota, class, now_us))
            return class;
    }
    for (int class = due_class_none + 1; class < due_class_count; class ++) {
        if (waiting & 1u << class)
            return class;
    }
    return due_class_none;
}

enum due_class quota_take(struct quota *quota, unsigned waiting, int64_t now_us)
{
    if (quota_wait_us(quota, now_us) > 0)
        return due_class_none;
    int class = choose(quota, waiting, now_us);
    if (class == due_class_none)
        return due_class_none;

    recover(quota, now_us);
    int64_t interval_us = (int64_t)(SECOND_US / quota->rate_per_s);
    /* A late timer may be made up for, but tokens never gather while nobody takes them. */
    int64_t from_us = quota->next_us > now_us - SLACK_US ? quota->next_us : now_us - SLACK_US;
    quota->next_us = from_us + interval_us;
    quota->last_us[class] = now_us;
    quota->taken[class]++;
    return (enum due_class) class;
}

void quota_give_back(struct quota *quota, enum due_class class, int64_t now_us)
{
    quota->next_us = now_us;
    quota->taken[class]--;
}

/* Calls that were in flight together are throttled together: that is one sign, not many. */
void quota_throttled(struct quota *quota, int64_t now_us)
{
    quota->throttles++;
    if (now_us - quota->throttled_at_us < SECOND_US)
        return;
    recover(quota, now_us);
    quota->throttled_at_us = now_us;
    quota->rate_per_s /= 2;
    if (quota->rate_per_s < slowest_per_s)
        quota->rate_per_s = slowest_per_s;
}
