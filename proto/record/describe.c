/* What differs between two versions of a record, as one line for the journal. */
#include "proto/record/record.h"

#include <inttypes.h>

#include "common/base/clock.h"

enum {
    ENTITLEMENTS_NAMED = 20,
    TEXT_SHOWN = 100,
    LINE_LIMIT = 3900 /* a journal entry holds 4000 bytes */
};

/* The line, and where it began in the buffer. */
struct line {
    struct buf *out;
    size_t begin;
};

static void next_part(struct line *line)
{
    if (line->out->len > line->begin)
        buf_append_text(line->out, "; ");
}

static void append_shortened(struct buf *out, struct str text)
{
    size_t len = text.len > TEXT_SHOWN ? TEXT_SHOWN : text.len;

    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    buf_append(out, text.ptr, len);
    if (len < text.len)
        buf_append_text(out, "...");
}

void record_describe_value(struct value value, struct buf *out)
{
    switch (value.kind) {
    case VALUE_NONE:
        buf_append_text(out, "of unknown kind");
        break;
    case VALUE_INTEGER:
        buf_printf(out, "%" PRId64, value.integer);
        break;
    case VALUE_DOUBLE:
        buf_printf(out, "%.17g", value.number);
        break;
    case VALUE_BOOLEAN:
        buf_append_text(out, value.boolean ? "true" : "false");
        break;
    case VALUE_STRING:
        append_shortened(out, value.string);
        break;
    }
}

static void append_entitlement(struct buf *out, const struct entitlement *entitlement)
{
    char text[CLOCK_TEXT_SIZE];

    append_shortened(out, entitlement->dimension);
    buf_append_char(out, ' ');
    record_describe_value(entitlement->value, out);
    if (entitlement->expires_at != 0)
        buf_printf(out, " until %s", clock_format_s(entitlement->expires_at, text));
}

static void describe_text(struct line *line, const char *what, struct str before, struct str after)
{
    if (str_eq(before, after))
        return;
    next_part(line);
    buf_printf(line->out, "%s ", what);
    if (after.len == 0) {
        buf_append_text(line->out, "removed, was ");
        append_shortened(line->out, before);
        return;
    }
    append_shortened(line->out, after);
    if (before.len > 0) {
        buf_append_text(line->out, ", was ");
        append_shortened(line->out, before);
    }
}

/* `gone` is said when a time that was known is no longer so; NULL: nothing is said. */
static void describe_time(struct line *line, const char *what, const char *gone, int64_t before,
                          int64_t after)
{
    char text[CLOCK_TEXT_SIZE];

    if (before == after || (after == 0 && !gone))
        return;
    next_part(line);
    if (after == 0)
        buf_append_text(line->out, gone);
    else
        buf_printf(line->out, "%s %s", what, clock_format_s(after, text));
}

static bool same_entitlement(const struct entitlement *a, const struct entitlement *b)
{
    return a->expires_at == b->expires_at && str_eq(a->dimension, b->dimension) &&
           value_eq(a->value, b->value);
}

/* How many of a list equal this one: rows may repeat. */
static size_t count_same(const struct entitlement_list *list, size_t end,
                         const struct entitlement *entitlement)
{
    size_t count = 0;

    for (size_t i = 0; i < end; i++)
        count += same_entitlement(&list->items[i], entitlement);
    return count;
}

/* Names what is in `list` more often than in `other`. */
static void describe_surplus(struct line *line, const char *what,
                             const struct entitlement_list *list,
                             const struct entitlement_list *other)
{
    size_t found = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct entitlement *item = &list->items[i];
        if (count_same(list, i, item) < count_same(other, other->count, item))
            continue;
        if (found++ >= ENTITLEMENTS_NAMED)
            continue;
        next_part(line);
        buf_printf(line->out, "%s ", what);
        append_entitlement(line->out, item);
    }
    if (found > ENTITLEMENTS_NAMED)
        buf_printf(line->out, "; and %zu more %s", found - ENTITLEMENTS_NAMED, what);
}

static void describe_identity(struct line *line, const struct subscription *before,
                              const struct subscription *after)
{
    describe_text(line, "product", before->product_code, after->product_code);
    describe_text(line, "account", before->account_id, after->account_id);
    describe_text(line, "customer identifier", before->customer_identifier,
                  after->customer_identifier);
    describe_text(line, "licence", before->license_key, after->license_key);
    describe_text(line, "licence ARN", before->license_arn, after->license_arn);
    describe_text(line, "agreement", before->agreement_id, after->agreement_id);
    describe_text(line, "offer", before->offer_id, after->offer_id);
    describe_text(line, "tenant", before->tenant, after->tenant);
    describe_text(line, "renews or replaces", before->predecessor, after->predecessor);
    describe_text(line, "successor", before->successor, after->successor);
    for (size_t i = 0; i < after->aliases.count; i++) {
        if (!record_has_id(before, after->aliases.items[i]))
            describe_text(line, "merged with", STR_NONE, after->aliases.items[i]);
    }
    if (before->free_trial != after->free_trial) {
        next_part(line);
        buf_append_text(line->out, after->free_trial ? "free trial" : "no longer a free trial");
    }
}

static void describe_evidence(struct line *line, const struct evidence *before,
                              const struct evidence *after)
{
    describe_time(line, "AWS lists nothing since", "AWS lists something again", before->empty_at,
                  after->empty_at);
    describe_time(line, "nothing listed, confirmed", NULL, before->empty_again_at,
                  after->empty_again_at);
    describe_time(line, "others of the product are listed", NULL, before->product_alive_at,
                  after->product_alive_at);
    if (after->unproven && !before->unproven) {
        next_part(line);
        buf_append_text(line->out, "by an account that is not known to be the seller's");
    }
    describe_time(line, "held as one of many ends at once", NULL, before->held_at, after->held_at);
    describe_time(line, "the end was accepted", NULL, before->accepted_at, after->accepted_at);
    describe_time(line, "the end was refused: still served", NULL, before->refused_at,
                  after->refused_at);
    describe_time(line, "a new licence renews it or another subscription",
                  "it is known which subscription the new licence renews", before->undecided_at,
                  after->undecided_at);
    describe_time(line, "renewal or replacement announced", NULL, before->succeeded_at,
                  after->succeeded_at);
    if (before->notice == after->notice && before->notice_at == after->notice_at)
        return;
    next_part(line);
    if (after->notice == notice_none) {
        buf_append_text(line->out, "announced end refuted");
        return;
    }
    buf_printf(line->out, "end announced: %s", choice_text(&enumeration_notice, after->notice));
    describe_time(&(struct line){line->out, line->out->len}, " at", NULL, 0, after->notice_at);
}

void record_describe_change(const struct subscription *before, const struct subscription *after,
                            struct buf *out)
{
    struct line line = {out, out->len};
    struct subscription none = {0};

    if (!before) {
        buf_append_text(out, "new");
        before = &none;
    }
    struct evidence evidence_before = record_evidence(before);
    struct evidence evidence_after = record_evidence(after);

    describe_identity(&line, before, after);
    describe_time(&line, "registered", "no longer registered", before->registered_at,
                  after->registered_at);
    describe_surplus(&line, "granted", &after->entitlements, &before->entitlements);
    describe_surplus(&line, "no longer", &before->entitlements, &after->entitlements);
    describe_evidence(&line, &evidence_before, &evidence_after);
    describe_time(&line, "purchase announced", NULL, before->subscribed_at, after->subscribed_at);
    describe_time(&line, "payment failed", "payment no longer failed", before->payment_failed_at,
                  after->payment_failed_at);

    size_t end = line.begin + LINE_LIMIT;
    if (out->len > end) {
        while (((unsigned char)out->data[end] & 0xC0) == 0x80)
            end--;
        out->len = end;
        buf_append_text(out, "...");
    }
}
