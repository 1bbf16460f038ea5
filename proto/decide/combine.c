/* What a customer's entitlements of one dimension come to, over all records asked about. */
#include "proto/decide/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/buf.h"

static bool is_usable(struct value value)
{
    return value.kind != VALUE_NONE && !(value.kind == VALUE_DOUBLE && isnan(value.number));
}

static void take_in(struct tally *tally, const struct subscription *record,
                    const struct entitlement *entitlement, enum counting counting)
{
    switch (counting) {
    case COUNTING_YES:
    case COUNTING_GRACE:
    case COUNTING_HELD:
        if (!is_usable(entitlement->value)) {
            tally->unknown_kind = true;
            break;
        }
        tally->items[tally->count++] = (struct counted){record, entitlement, counting};
        if (counting > tally->worst)
            tally->worst = counting;
        break;
    case COUNTING_EXPIRED:
        tally->expired = true;
        break;
    case COUNTING_UNVERIFIED:
        tally->unverified = true;
        break;
    default:
        break;
    }
}

static size_t count_entitlements(const struct selection *records)
{
    size_t count = 0;

    for (size_t i = 0; i < records->count; i++)
        count += records->items[i]->entitlements.count;
    return count;
}

static int compare_counted(const void *a, const void *b)
{
    const struct value x = ((const struct counted *)a)->entitlement->value;
    const struct value y = ((const struct counted *)b)->entitlement->value;

    if (x.kind != y.kind)
        return (x.kind > y.kind) - (x.kind < y.kind);
    if (x.kind == VALUE_DOUBLE)
        return (x.number > y.number) - (x.number < y.number);
    return x.kind == VALUE_STRING ? str_compare(x.string, y.string) : 0;
}

void decide_tally(const struct selection *records, struct str dimension,
                  const struct policy *policy, int64_t now_s, struct arena *arena,
                  struct tally *ret)
{
    size_t most = count_entitlements(records);

    *ret = (struct tally){.items = ret->few};
    if (most > sizeof(ret->few) / sizeof(ret->few[0]))
        ret->items = arena_alloc_array(arena, most, sizeof(ret->items[0]));
    for (size_t i = 0; i < records->count; i++) {
        const struct subscription *record = records->items[i];
        const struct entitlement_list *list = &record->entitlements;
        size_t before = ret->count;
        for (size_t j = 0; j < list->count; j++) {
            const struct entitlement *item = &list->items[j];
            if (str_eq(item->dimension, dimension))
                take_in(ret, record, item, record_counting(record, item, policy, now_s));
        }
        ret->subscriptions += ret->count > before;
        if (record_state(record, policy, now_s, false) == STATE_PENDING)
            ret->pending = true;
    }
    /* Doubles give the same sum only if they are added in the same order. */
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof(ret->items[0]), compare_counted);
    for (size_t i = 1; i < ret->count; i++) {
        if (ret->items[i].entitlement->value.kind != ret->items[0].entitlement->value.kind)
            ret->mixed = true;
    }
}

/* A negative value takes nothing away from the others. */
static int64_t add_integers(int64_t a, int64_t b)
{
    int64_t sum;

    if (b < 0)
        return a;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static double add_doubles(double a, double b)
{
    return b < 0 ? a : fmin(a + b, DBL_MAX);
}

/* The codec refuses longer texts, and one refused spoils the whole answer. */
enum { LIST_LIMIT = 4000 };

/* The texts stand sorted, so equal ones stand together. */
static struct str list_strings(const struct tally *tally, enum counting worst, struct arena *arena)
{
    struct str last = STR_NONE, result;
    struct buf out = BUF_INIT;
    size_t count = 0;

    for (size_t i = 0; i < tally->count; i++) {
        struct str string = tally->items[i].entitlement->value.string;
        if (tally->items[i].counting > worst || (count > 0 && str_eq(string, last)))
            continue;
        if (count++ > 0)
            buf_append_text(&out, ", ");
        if (count > 1 && out.len + string.len > LIST_LIMIT) {
            buf_append_text(&out, "...");
            break;
        }
        buf_append_str(&out, string);
        last = string;
    }
    result = count == 1 ? last : arena_str(arena, buf_str(&out));
    buf_done(&out);
    return result;
}

/* The total is of the value's kind or of none yet. */
static void add(struct value *total, const struct value *value)
{
    switch (total->kind = value->kind) {
    case VALUE_INTEGER:
        total->integer = add_integers(total->integer, value->integer);
        break;
    case VALUE_DOUBLE:
        total->number = add_doubles(total->number, value->number);
        break;
    case VALUE_BOOLEAN:
        total->boolean = total->boolean || value->boolean;
        break;
    case VALUE_STRING: /* listed once all are known */
    case VALUE_NONE:
        break;
    }
}

void decide_total(const struct tally *tally, enum counting worst, struct arena *arena,
                  struct value *ret)
{
    *ret = (struct value){.kind = VALUE_NONE};
    if (tally->mixed)
        return;
    for (size_t i = 0; i < tally->count; i++) {
        if (tally->items[i].counting <= worst)
            add(ret, &tally->items[i].entitlement->value);
    }
    if (ret->kind == VALUE_STRING)
        ret->string = list_strings(tally, worst, arena);
}

/* As ceil(), which is a call into another library. */
static int64_t round_up(double quantity)
{
    int64_t whole = (int64_t)quantity;

    return whole + ((double)whole < quantity);
}

bool decide_covers(const struct value *granted, double quantity)
{
    switch (granted->kind) {
    case VALUE_NONE:
        return false;
    case VALUE_INTEGER:
        /* Compared as integers: a double cannot hold every integer beyond 2^53. */
        return quantity < 0x1p63 && granted->integer >= round_up(quantity);
    case VALUE_DOUBLE:
        return granted->number >= quantity;
    case VALUE_BOOLEAN:
        return granted->boolean;
    case VALUE_STRING:
        return true;
    }
    return false;
}
