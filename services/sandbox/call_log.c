#include "services/sandbox/call_log.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum { KEEP_ENTRIES = 20000, SECOND_MS = 1000 };

void call_log_init(struct call_log *log)
{
    *log = (struct call_log){0};
    TAILQ_INIT(&log->entries);
    STAILQ_INIT(&log->counts);
    STAILQ_INIT(&log->arrived);
    STAILQ_INIT(&log->admitted);
}

static void free_entry(struct call_log *log, struct call_entry *entry)
{
    TAILQ_REMOVE(&log->entries, entry, link);
    log->kept--;
    mem_free(entry->operation);
    mem_free(entry->account);
    mem_free(entry->outcome);
    mem_free(entry->fault);
    json_free(entry->parameters);
    mem_free(entry);
}

void call_log_done(struct call_log *log)
{
    struct call_rate *rate;

    while (!TAILQ_EMPTY(&log->entries))
        free_entry(log, TAILQ_FIRST(&log->entries));
    STAILQ_FOREACH (rate, &log->arrived, link)
        mem_free(rate->times_ms);
    STAILQ_FOREACH (rate, &log->admitted, link)
        mem_free(rate->times_ms);
    arena_done(&log->arena);
}

static struct call_count *count_of(struct call_log *log, struct str operation)
{
    struct call_count *count;

    STAILQ_FOREACH (count, &log->counts, link) {
        if (str_eq(count->operation, operation))
            return count;
    }
    count = arena_alloc(&log->arena, sizeof(*count));
    count->operation = arena_str(&log->arena, operation);
    STAILQ_INSERT_TAIL(&log->counts, count, link);
    return count;
}

uint64_t call_log_begin(struct call_log *log, struct str operation, struct str account,
                        const struct json *parameters)
{
    struct call_entry *entry = mem_alloc_zero(sizeof(*entry));

    entry->number = ++log->number;
    entry->time_ms = clock_wall_ms();
    entry->began_ms = clock_mono_ms();
    entry->operation = str_dup(operation);
    entry->account = str_dup(account);
    entry->parameters = parameters ? json_clone(parameters) : json_new_object();
    TAILQ_INSERT_TAIL(&log->entries, entry, link);
    if (++log->kept > KEEP_ENTRIES)
        free_entry(log, TAILQ_FIRST(&log->entries));
    count_of(log, operation)->calls++;
    return log->number;
}

void call_log_end(struct call_log *log, uint64_t number, const char *outcome, bool failed,
                  const char *fault)
{
    struct call_entry *entry;

    TAILQ_FOREACH_REVERSE(entry, &log->entries, call_entries, link)
    {
        if (entry->number != number)
            continue;
        entry->outcome = mem_strdup(outcome);
        entry->fault = mem_strdup(fault);
        entry->took_ms = clock_mono_ms() - entry->began_ms;
        if (failed)
            count_of(log, str_of(entry->operation))->errors++;
        return;
    }
}

static struct call_rate *rate_of(struct call_log *log, struct call_rates *rates, struct str account)
{
    struct call_rate *rate;

    STAILQ_FOREACH (rate, rates, link) {
        if (str_eq(rate->account, account))
            return rate;
    }
    rate = arena_alloc(&log->arena, sizeof(*rate));
    rate->account = arena_str(&log->arena, account);
    STAILQ_INSERT_TAIL(rates, rate, link);
    return rate;
}

static void forget_old(struct call_rate *rate, int64_t now_ms)
{
    while (rate->count > 0 && now_ms - rate->times_ms[rate->first] >= SECOND_MS) {
        rate->first = (rate->first + 1) % rate->capacity;
        rate->count--;
    }
}

static void grow(struct call_rate *rate)
{
    size_t capacity = rate->capacity ? rate->capacity * 2 : 64;
    int64_t *times_ms = mem_alloc_array(capacity, sizeof(*times_ms));

    for (size_t i = 0; i < rate->count; i++)
        times_ms[i] = rate->times_ms[(rate->first + i) % rate->capacity];
    mem_free(rate->times_ms);
    rate->times_ms = times_ms;
    rate->capacity = capacity;
    rate->first = 0;
}

static void add_time(struct call_rate *rate, int64_t now_ms)
{
    if (rate->count == rate->capacity)
        grow(rate);
    rate->times_ms[(rate->first + rate->count++) % rate->capacity] = now_ms;
}

bool call_log_admit(struct call_log *log, struct str account, int64_t quota_per_second,
                    int64_t now_ms)
{
    struct call_rate *arrived = rate_of(log, &log->arrived, account);
    struct call_rate *admitted = rate_of(log, &log->admitted, account);

    forget_old(arrived, now_ms);
    forget_old(admitted, now_ms);
    add_time(arrived, now_ms);
    if ((int64_t)arrived->count > log->peak_per_second)
        log->peak_per_second = (int64_t)arrived->count;
    if (quota_per_second > 0 && (int64_t)admitted->count >= quota_per_second) {
        log->over_quota++;
        return false;
    }
    add_time(admitted, now_ms);
    return true;
}

int64_t call_log_count(const struct call_log *log, struct str operation)
{
    const struct call_count *count;

    STAILQ_FOREACH (count, &log->counts, link) {
        if (str_eq(count->operation, operation))
            return count->calls;
    }
    return 0;
}

static struct json *entry_json(const struct call_entry *entry)
{
    struct json *item = json_new_object();

    json_set_integer(item, "number", (int64_t)entry->number);
    json_set_integer(item, "time_ms", entry->time_ms);
    json_set_str(item, "operation", str_of(entry->operation));
    json_set_str(item, "account", str_of(entry->account));
    json_set(item, "parameters", json_clone(entry->parameters));
    /* An entry without outcome waits for its answer. */
    json_set(item, "outcome",
             entry->outcome ? json_new_str(str_of(entry->outcome)) : json_new_null());
    if (entry->fault)
        json_set_str(item, "fault", str_of(entry->fault));
    json_set_integer(item, "took_ms", entry->took_ms);
    return item;
}

struct json *call_log_json(const struct call_log *log, uint64_t since)
{
    struct json *object = json_new_object(), *calls = json_new_array();
    struct json *counts = json_new_object(), *errors = json_new_object();
    const struct call_entry *entry;
    const struct call_count *count;

    TAILQ_FOREACH (entry, &log->entries, link) {
        if (entry->number > since)
            json_add(calls, entry_json(entry));
    }
    STAILQ_FOREACH (count, &log->counts, link) {
        char name[64];
        snprintf(name, sizeof(name), STR_FMT, STR_ARG(count->operation));
        json_set_integer(counts, name, count->calls);
        json_set_integer(errors, name, count->errors);
    }
    json_set(object, "calls", calls);
    json_set(object, "counts", counts);
    json_set(object, "errors", errors);
    json_set_integer(object, "get_entitlements_peak_per_second", log->peak_per_second);
    json_set_integer(object, "get_entitlements_over_quota", log->over_quota);
    json_set_integer(object, "number", (int64_t)log->number);
    return object;
}
