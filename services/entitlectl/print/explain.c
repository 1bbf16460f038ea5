#include "services/entitlectl/print/explain.h"

#include "services/entitlectl/print/format.h"

static void write_verdict(const struct explain_facts *facts, struct buf *out)
{
    const struct answer *answer = facts->answer;

    buf_printf(out, "%s: '" STR_FMT "' %s ", answer->allow ? "Yes" : "No", STR_ARG(facts->handle),
               answer->allow ? "may use" : "may not use");
    if (facts->quantity != 0) {
        format_number(out, facts->quantity);
        buf_append_text(out, " of ");
    }
    buf_printf(out, "'" STR_FMT "' (%s).", STR_ARG(facts->dimension),
               choice_text(&enumeration_reason, (int)answer->reason));
}

static void write_granted(const struct answer *answer, struct buf *out)
{
    if (answer->granted.kind == VALUE_NONE)
        return;
    buf_append_text(out, " Granted is ");
    format_value(out, &answer->granted);
    if (answer->combined > 1)
        buf_printf(out, ", from %d subscriptions together", (int)answer->combined);
    buf_append_char(out, '.');
}

static void write_override(const struct explain_facts *facts, struct buf *out)
{
    const struct override_list *overrides = &facts->holdings->overrides;

    for (size_t i = 0; i < overrides->count; i++) {
        const struct override *override = &overrides->items[i];
        if (!str_is_empty(override->dimension) && !str_eq(override->dimension, facts->dimension))
            continue;
        buf_printf(out, " Override " STR_FMT " says %s", STR_ARG(override->id),
                   choice_text(&enumeration_override_action, (int) override->action));
        if (!str_is_empty(override->author))
            buf_printf(out, ", by " STR_FMT, STR_ARG(override->author));
        if (!str_is_empty(override->reason))
            buf_printf(out, ", because '" STR_FMT "'", STR_ARG(override->reason));
        if (override->expires_at) {
            buf_append_text(out, ", until ");
            format_when(out, override->expires_at, facts->now_s);
        } else {
            buf_append_text(out, ", until it is removed");
        }
        buf_append_char(out, '.');
    }
}

static void write_name(const struct holding *holding, struct buf *out)
{
    const struct subscription *record = holding->subscription;

    buf_printf(out, " Subscription " STR_FMT " (product " STR_FMT, STR_ARG(record->id),
               STR_ARG(record->product_code));
    if (!str_is_empty(format_license(record)))
        buf_printf(out, ", licence " STR_FMT, STR_ARG(format_license(record)));
    buf_printf(out, ") is %s", choice_text(&enumeration_state, (int)holding->state));
}

static const char *counting_words(enum counting counting)
{
    switch (counting) {
    case COUNTING_YES:
        return "counts";
    case COUNTING_GRACE:
        return "is past its date and counts until the renewal is settled";
    case COUNTING_HELD:
        return "counts because the end lacks evidence or a successor is awaited";
    case COUNTING_EXPIRED:
        return "does not count: AWS confirmed the date after it had passed";
    case COUNTING_UNVERIFIED:
        return "does not count: it is past its date, and AWS could not be asked for too long";
    case COUNTING_ENDED:
        return "does not count: the subscription has ended";
    case counting_none:
    case counting_count:
        break;
    }
    return "is of no known standing";
}

static void write_entitlement(const struct held_entitlement *held, int64_t now_s, struct buf *out)
{
    buf_printf(out, STR_FMT " = ", STR_ARG(held->dimension));
    format_value(out, &held->value);
    if (held->expires_at) {
        buf_append_text(out, " until ");
        format_when(out, held->expires_at, now_s);
    }
    buf_printf(out, ", which %s", counting_words(held->counts));
}

/* The dimension asked about; of a subscription without it, the dimensions that it has. */
static void write_listed(const struct explain_facts *facts, const struct holding *holding,
                         struct buf *out)
{
    const struct held_entitlement_list *list = &holding->entitlements;
    size_t found = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (!str_eq(list->items[i].dimension, facts->dimension))
            continue;
        buf_append_text(out, found++ ? "; " : " ");
        write_entitlement(&list->items[i], facts->now_s, out);
    }
    if (found)
        return;
    if (list->count == 0) {
        buf_append_text(out, " nothing");
        return;
    }
    buf_printf(out, " not '" STR_FMT "' but", STR_ARG(facts->dimension));
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s " STR_FMT, i ? "," : "", STR_ARG(list->items[i].dimension));
}

static void write_evidence(const struct subscription *record, int64_t now_s, struct buf *out)
{
    struct evidence evidence = record_evidence(record);

    if (evidence.succeeded_at) {
        buf_append_text(out, " AWS announced its renewal or replacement on ");
        format_when(out, evidence.succeeded_at, now_s);
        buf_append_char(out, '.');
    }
    if (evidence.notice != notice_none) {
        buf_printf(out, " AWS announced %s on ",
                   choice_text(&enumeration_notice, (int)evidence.notice));
        format_when(out, evidence.notice_at, now_s);
        buf_append_char(out, '.');
    }
    if (evidence.empty_at == 0)
        return;
    buf_append_text(out, " Since ");
    format_when(out, evidence.empty_at, now_s);
    buf_append_text(out, " AWS lists nothing any more");
    if (evidence.empty_again_at) {
        buf_append_text(out, ", confirmed by a second call on ");
        format_when(out, evidence.empty_again_at, now_s);
    } else {
        buf_append_text(out, "; a second call has yet to confirm it");
    }
    if (evidence.unproven)
        buf_append_text(out, "; STS did not say whether the seller account asked");
    if (!record_end_is_explained(record))
        buf_append_text(out, "; neither a notification nor a date explains it");
    buf_append_char(out, '.');
}

/* Why its end is held, how long it is served, and what an operator can do about it. */
static void write_hold(const struct explain_facts *facts, const struct subscription *record,
                       struct buf *out)
{
    int64_t until_s = 0;
    struct evidence evidence = record_evidence(record);

    switch (record_held(record, facts->policy, facts->now_s, &until_s)) {
    case HELD_UNEXPLAINED:
        buf_append_text(out, " The end is held because AWS lists no customer of the product, as it "
                             "would for a wrong account: the customer");
        break;
    case HELD_MANY:
        buf_append_text(out, " The end is held since ");
        format_when(out, evidence.held_at, facts->now_s);
        buf_append_text(out, " as one of many of the product at once: the customer");
        break;
    case HELD_REFUSED:
        buf_append_text(out, " An operator refused the end on ");
        format_when(out, evidence.refused_at, facts->now_s);
        buf_append_text(out, ": the customer");
        break;
    case HELD_SUCCESSOR:
        buf_append_text(out, " AWS announced a renewal or replacement, and its successor is not "
                             "active yet: the customer");
        break;
    case HELD_UNCONFIRMED:
        buf_append_text(out, " Until it is confirmed the customer");
        break;
    case HELD_UNDECIDED:
        buf_append_text(out, " The end is held since ");
        format_when(out, evidence.undecided_at, facts->now_s);
        buf_append_text(out, ", for AWS lists a new licence of the account, and has not said "
                             "whether it renews this subscription or another: the customer");
        break;
    case held_reason_none:
    case held_reason_count:
        return;
    }
    buf_append_text(out, " is served until ");
    format_when(out, until_s, facts->now_s);
    buf_printf(out, ". `entitlectl held accept " STR_FMT "` ends it now", STR_ARG(record->id));
    if (evidence.refused_at == 0)
        buf_printf(out, ", `entitlectl held refuse " STR_FMT "` rejects it", STR_ARG(record->id));
    buf_append_char(out, '.');
}

static void write_aws(const struct explain_facts *facts, const struct holding *holding,
                      struct buf *out)
{
    const struct subscription *record = holding->subscription;
    int64_t listed_at = record_listed_at_s(record);

    write_name(holding, out);
    if (record->verified_at == 0) {
        buf_append_text(out, ": AWS has not answered about it yet.");
    } else if (listed_at == 0 && holding->entitlements.count == 0) {
        buf_append_text(out, ": AWS was asked on ");
        format_when(out, record->verified_at, facts->now_s);
        buf_append_text(out, " and has listed nothing so far.");
    } else {
        buf_append_text(out, ": on ");
        format_when(out, listed_at ? listed_at : record->verified_at, facts->now_s);
        buf_append_text(out, " AWS listed");
        write_listed(facts, holding, out);
        buf_append_char(out, '.');
    }
    write_evidence(record, facts->now_s, out);
    write_hold(facts, record, out);
    if (record->payment_failed_at) {
        buf_append_text(out, " AWS announced on ");
        format_when(out, record->payment_failed_at, facts->now_s);
        buf_append_text(out, " that the payment failed.");
    }
    if (!str_is_empty(record->successor))
        buf_printf(out, " It is continued by " STR_FMT ".", STR_ARG(record->successor));
}

static void write_span_change(const char *before, int64_t span_s, const char *after,
                              struct buf *out)
{
    buf_append_text(out, before);
    format_span(out, span_s);
    buf_append_text(out, after);
}

static void write_change(const struct explain_facts *facts, struct buf *out)
{
    const struct answer *answer = facts->answer;

    buf_append_text(out, " What would change it: ");
    switch (answer->reason) {
    case REASON_ENTITLED:
        buf_append_text(out, "a change that AWS announces or the sweep finds");
        if (answer->expires_at) {
            buf_append_text(out, ", or that the date passes on ");
            format_when(out, answer->expires_at, facts->now_s);
            buf_append_text(out, " without a renewal");
        }
        break;
    case REASON_GRACE:
        write_span_change("a renewal, or that AWS repeats the old date ", facts->policy->settling_s,
                          " after it passed", out);
        break;
    case REASON_HELD:
        write_span_change("that AWS lists it again, an explanation of the end (a notification, a "
                          "date), or that ",
                          facts->policy->hold_limit_s, " have passed", out);
        break;
    case REASON_OVERRIDE:
        buf_append_text(out, "the end or removal of the override (`entitlectl override remove`)");
        break;
    case REASON_INSUFFICIENT_QUANTITY:
        buf_append_text(out, "an upgrade in AWS Marketplace, or a smaller quantity");
        break;
    case REASON_UNVERIFIED:
        buf_append_text(out, "an answer of AWS");
        break;
    case REASON_EXPIRED:
        buf_append_text(out, "a renewal in AWS Marketplace");
        break;
    case REASON_PENDING:
        buf_append_text(out, "that AWS lists what was bought; it is asked at widening intervals");
        break;
    case REASON_NOT_ENTITLED:
        buf_append_text(out, "the purchase of this dimension in AWS Marketplace");
        break;
    case REASON_BAD_DATA:
        buf_append_text(out, "that AWS lists one kind of value for the dimension");
        break;
    case REASON_NOT_SUBSCRIBED:
        buf_append_text(out, "a registration, or linking the handle to a subscription "
                             "(`entitlectl link`)");
        break;
    case REASON_ENDED:
        buf_append_text(out, "a new subscription");
        break;
    case reason_none:
    case reason_count:
        buf_append_text(out, "not known");
        break;
    }
    if (!str_is_empty(answer->subscribe_url))
        buf_printf(out, ", at " STR_FMT, STR_ARG(answer->subscribe_url));
    buf_append_char(out, '.');
}

static void write_next(const struct explain_facts *facts, const struct holding *holding,
                       const struct due_result *due, struct buf *out)
{
    if (facts->holdings->holdings.count > 1)
        buf_printf(out, " " STR_FMT ":", STR_ARG(holding->subscription->id));
    if (!due) {
        buf_append_text(out, " The store does not say when AWS is asked next.");
        return;
    }
    if (!str_is_empty(due->claimed_by)) {
        buf_printf(out, " Checker " STR_FMT " is asking AWS now.", STR_ARG(due->claimed_by));
    } else if (due->class == due_class_none) {
        buf_append_text(out, " No call to AWS is planned; a notification or the sweep brings the "
                             "next.");
    } else if (due->not_before <= facts->now_s) {
        buf_printf(out, " AWS is asked as soon as the quota allows (%s).",
                   choice_text(&enumeration_due_class, (int)due->class));
    } else {
        buf_append_text(out, " AWS is asked next on ");
        format_when(out, due->not_before, facts->now_s);
        buf_printf(out, " for %s.", choice_text(&enumeration_due_class, (int)due->class));
    }
    if (due->failures > 0)
        buf_printf(out, " The last %d calls failed: " STR_FMT ".", (int)due->failures,
                   STR_ARG(due->last_error));
}

void explain_write(const struct explain_facts *facts, struct buf *out)
{
    const struct holding_list *holdings = &facts->holdings->holdings;

    write_verdict(facts, out);
    write_granted(facts->answer, out);
    if (facts->answer->reason == REASON_OVERRIDE)
        write_override(facts, out);
    if (holdings->count == 0)
        buf_append_text(out, " No subscription is known by this handle.");
    for (size_t i = 0; i < holdings->count; i++)
        write_aws(facts, &holdings->items[i], out);
    if (facts->answer->stale)
        buf_append_text(out, " The answer is marked stale: it is older than the settings allow.");
    write_change(facts, out);
    for (size_t i = 0; i < holdings->count; i++)
        write_next(facts, &holdings->items[i], facts->dues[i], out);
}
