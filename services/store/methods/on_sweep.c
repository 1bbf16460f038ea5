/* Compares what a whole sweep listed with what is held. A record that is as listed is verified, one
 * that never had an answer gets what is listed; whatever differs is marked due and asked about by
 * itself. Nothing that is granted is changed or ended here. */
#include "proto/codec/codec.h"
#include "services/store/methods/claimed.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/work/catch_up.h"
#include "services/store/work/marks.h"
#include "services/store/work/scope.h"
#include "services/store/work/sweeps.h"

/* A record with more could not be read again; see messages.def. */
enum { ENTITLEMENTS_MAX = 1000 };

struct comparison {
    struct work *work;
    struct sweep_part_result *result;
    struct str product_code;
    int64_t began_at_s;
    bool proven;
};

static bool holds(struct work *work, struct str id, int64_t fence, struct str signed_by)
{
    if (!sweeps_is_id(id) || !due_renew(work->books->due, id, fence, moment_now())) {
        error_set(work->error, "the claim has lapsed: its rows are not compared");
        return false;
    }
    return seller_takes(work->books->db, signed_by, work->error);
}

static struct keys keys_of(const struct comparison *comparison, const struct aws_entitlement *row)
{
    return (struct keys){.product_code = comparison->product_code,
                         .license_arn = row->license_arn,
                         .license_key = license_key(row->license_arn),
                         .customer_identifier = row->customer_identifier,
                         .account_id = row->account_id};
}

static bool same_owner(const struct aws_entitlement *a, const struct aws_entitlement *b)
{
    return record_compare_owners(record_row_owner(a), record_row_owner(b)) == 0;
}

static void mark(struct comparison *comparison, struct str id, const char *why)
{
    marks_mark(comparison->work->change, comparison->work->books->due, id, DUE_SWEEP, str_of(why));
    catch_up_await(comparison->work->books, comparison->work->change, id);
}

/* One that is asked about by its identifier need not be shown rows that do not name it. */
static bool will_be_shown(const struct subscription *record, const struct keys *keys)
{
    bool probe;

    return keys->customer_identifier.len > 0 || scope_of(record, &probe) == SCOPE_ACCOUNT;
}

/* Unlicensed records of the same customer: which of them the rows are about, or whether they gained
 * a licence, their own answers tell. How many will. */
static size_t mark_unlicensed(struct comparison *comparison, const struct keys *keys)
{
    struct change *change = comparison->work->change;
    struct str handle =
        keys->customer_identifier.len > 0 ? keys->customer_identifier : keys->account_id;
    struct subscription_list found =
        records_find(change->db, handle, keys->product_code, &change->arena);
    size_t count = 0;

    for (size_t i = 0; i < found.count; i++) {
        if (found.items[i].license_key.len > 0 || identity_contradicts(&found.items[i], keys))
            continue;
        mark(comparison, found.items[i].id, "the sweep lists it otherwise");
        count += will_be_shown(&found.items[i], keys);
    }
    return count;
}

static bool find(struct comparison *comparison, const struct keys *keys, struct subscription *ret)
{
    struct change *change = comparison->work->change;

    if (keys->license_key.len > 0)
        return identity_by_license(change->db, keys->product_code, keys->license_key,
                                   &change->arena, ret);
    return identity_unlicensed(change->db, keys, &change->arena, ret);
}

/* What is listed for a licence is AWS's own answer about it, if not the latest one: it fills
 * what has none. It is still asked about, because pages are not read at one moment. */
static enum applied fill(struct comparison *comparison, struct subscription *record,
                         const struct aws_entitlement_list *rows)
{
    struct change *change = comparison->work->change;
    const struct asked asked = {.began_at_s = comparison->began_at_s,
                                .now_s = change_now_s(change),
                                .scope = SCOPE_LICENSE,
                                .product_alive = true,
                                .proven = comparison->proven};

    return apply_answer(record, rows, &asked, &comparison->work->books->policy, &change->arena);
}

static bool never_had_an_answer(const struct subscription *record)
{
    struct evidence evidence = record_evidence(record);

    return record->entitlements.count == 0 && record->verified_at == 0 &&
           evidence.notice == notice_none && record->successor.len == 0;
}

static void compare_unknown(struct comparison *comparison, const struct keys *keys,
                            const struct aws_entitlement_list *rows)
{
    size_t others = mark_unlicensed(comparison, keys);

    comparison->result->differing += (int64_t)others;
    if (others > 0)
        return;
    struct subscription record = identity_new(keys);
    if (rows->count <= ENTITLEMENTS_MAX)
        fill(comparison, &record, rows);
    records_insert(comparison->work->change, &record);
    mark(comparison, record.id, "the sweep lists it, and it was not known");
    comparison->result->unknown++;
}

static void compare_known(struct comparison *comparison, const struct keys *keys,
                          const struct subscription *before,
                          const struct aws_entitlement_list *rows)
{
    struct change *change = comparison->work->change;
    struct subscription after = *before;

    if (apply_readable_rows(rows) < rows->count) {
        mark(comparison, before->id, "the sweep has a row of it that cannot be read");
        comparison->result->differing++;
        return;
    }
    identity_learn(&after, keys);
    bool learnt = !codec_equal(&shape_subscription, before, &after);
    enum applied applied = fill(comparison, &after, rows);
    if (learnt || applied == APPLIED_CHANGED) {
        if (never_had_an_answer(before) && rows->count <= ENTITLEMENTS_MAX)
            records_update(change, before, &after);
        mark(comparison, before->id, "the sweep lists it otherwise");
        comparison->result->differing++;
        return;
    }
    records_verify(change, before, &after);
    comparison->result->verified++;
}

static void compare_group(struct comparison *comparison, const struct aws_entitlement_list *rows)
{
    struct keys keys = keys_of(comparison, &rows->items[0]);
    struct subscription before;

    for (size_t i = 1; i < rows->count; i++) {
        struct keys row = keys_of(comparison, &rows->items[i]);
        identity_agree(&keys, &row);
    }
    if (keys.license_key.len == 0 && keys.customer_identifier.len == 0 && keys.account_id.len == 0)
        return; /* of nobody */
    if (find(comparison, &keys, &before))
        compare_known(comparison, &keys, &before, rows);
    else
        compare_unknown(comparison, &keys, rows);
}

enum rpc_error claimed_sweep_part(struct work *work, int64_t began_at_s)
{
    const struct sweep_part_params *params = work->params;
    const struct aws_entitlement_list *rows = &params->rows;
    struct comparison comparison = {.work = work,
                                    .result = work->result,
                                    .product_code = sweeps_product(params->subscription),
                                    .began_at_s = began_at_s};

    if (!holds(work, params->subscription, params->fence, params->signed_by))
        return ERROR_CONFLICT;
    work->change->origin.cause = CAUSE_REFRESH;
    work->change->origin.author = STR("sweep");
    comparison.proven =
        seller_proves(work->change, params->signed_by, apply_readable_rows(rows) > 0);
    for (size_t begin = 0, end; begin < rows->count; begin = end) {
        for (end = begin + 1; end < rows->count; end++) {
            if (!same_owner(&rows->items[begin], &rows->items[end]))
                break;
        }
        compare_group(&comparison,
                      &(struct aws_entitlement_list){rows->items + begin, end - begin});
    }
    return ERROR_NONE;
}

/* Held as granted, and neither the sweep nor a call since its begin has seen it. */
static bool is_unlisted(const struct subscription *record, int64_t began_at_s)
{
    return record->entitlements.count > 0 && record_evidence(record).empty_at == 0 &&
           record->successor.len == 0 && record->verified_at < began_at_s;
}

enum rpc_error claimed_sweep_finish(struct work *work, int64_t began_at_s)
{
    enum { PART = 1000, PART_BYTES = 1 << 20 };
    const struct sweep_finish_params *params = work->params;
    struct sweep_finish_result *result = work->result;
    struct str product_code = sweeps_product(params->subscription);

    if (!holds(work, params->subscription, params->fence, params->signed_by))
        return ERROR_CONFLICT;
    /* That is how another account is answered: it says nothing about anybody. */
    bool says_nothing = params->rows == 0 && !seller_proves(work->change, params->signed_by, false);
    struct subscription_list part =
        records_page(work->change->db, params->after, product_code, PART, PART_BYTES,
                     &work->change->arena, &result->next);
    for (size_t i = 0; i < part.count; i++) {
        struct stored_due stored;
        if (says_nothing || !is_unlisted(&part.items[i], began_at_s))
            continue;
        marks_get(work->change->db, part.items[i].id, &work->change->arena, &stored);
        if (stored.class != due_class_none)
            continue; /* listed otherwise, or asked about for another reason */
        marks_mark(work->change, work->books->due, part.items[i].id, DUE_SWEEP,
                   STR("the sweep does not list it"));
        result->unlisted++;
    }
    result->next = arena_str(work->arena, result->next);
    if (result->next.len > 0)
        return ERROR_NONE;
    const struct sweep_state outcome = {.product = product_code,
                                        .id = params->subscription,
                                        .swept_at = began_at_s,
                                        .rows = params->rows,
                                        .verified = params->verified,
                                        .differing = params->differing,
                                        .unknown = params->unknown,
                                        .unlisted = params->unlisted + result->unlisted,
                                        .unreadable = params->unreadable};
    sweeps_done(work->change, params->subscription, params->fence, &outcome);
    return ERROR_NONE;
}

static enum rpc_error each_product(struct work *work, struct str only, int64_t ticket)
{
    const struct settings *settings = work->books->settings;
    struct sweeps_result *result = work->result;
    size_t count = settings ? settings->products.count : 0;

    result->sweeps.items = arena_alloc_array(work->arena, count, sizeof(struct sweep_state));
    for (size_t i = 0; i < count; i++) {
        struct str code = str_of(settings_product_at(settings, i)->code);
        if (only.len > 0 && !str_eq(code, only))
            continue;
        struct sweep_state *state = &result->sweeps.items[result->sweeps.count++];
        *state = sweeps_state(work->books->db, code, work->arena);
        state->ticket = ticket;
    }
    if (only.len == 0 || result->sweeps.count > 0)
        return ERROR_NONE;
    error_set(work->error, "the settings have no product with the code '" STR_FMT "'",
              STR_ARG(only));
    return ERROR_NOT_FOUND;
}

enum rpc_error on_sweeps(struct work *work)
{
    return each_product(work, STR_NONE, 0);
}

enum rpc_error on_sweep(struct work *work)
{
    const struct sweep_params *params = work->params;
    struct sweeps_result *result = work->result;
    enum rpc_error code = each_product(work, params->product, due_ticket(work->books->due));

    if (code != ERROR_NONE)
        return code;
    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    for (size_t i = 0; i < result->sweeps.count; i++)
        marks_mark(work->change, work->books->due, result->sweeps.items[i].id, DUE_MAX_AGE,
                   STR("an operator asked for it"));
    journal_note(work->change, AUDIT_REFRESH, STR("sweep"));
    return ERROR_NONE;
}

static int64_t call_time_s(const struct work *work, struct str id, int64_t stated_s)
{
    return due_call_time_s(work->books->due, id, stated_s, moment_now());
}

enum rpc_error on_sweep_part(struct work *work)
{
    const struct sweep_part_params *params = work->params;

    return claimed_sweep_part(work, call_time_s(work, params->subscription, params->began_at));
}

enum rpc_error on_sweep_finish(struct work *work)
{
    const struct sweep_finish_params *params = work->params;

    return claimed_sweep_finish(work, call_time_s(work, params->subscription, params->began_at));
}
