/* Methods of the registrar: register, and the tokens and visits that are good once. */
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/tables/signing_keys.h"
#include "services/store/tables/tokens.h"
#include "services/store/work/marks.h"

static struct keys keys_of(const struct register_params *params)
{
    return (struct keys){.product_code = params->product_code,
                         .license_arn = params->license_arn,
                         .license_key = license_key(params->license_arn),
                         .customer_identifier = params->customer_identifier,
                         .account_id = params->account_id};
}

static void enter(struct subscription *record, const struct keys *keys,
                  const struct register_params *params, int64_t now_s)
{
    identity_learn(record, keys);
    record->free_trial |= params->free_trial;
    if (record->registered_at == 0)
        record->registered_at = now_s;
}

/* The unlicensed record that the same customer has beside the licence's own. One that holds
 * nothing is the same purchase, learnt before its licence was; one that does may be another, under
 * concurrent agreements: its next answer tells. */
static void join_unlicensed(struct work *work, const struct keys *keys, struct subscription *record)
{
    struct subscription other;

    if (keys->license_key.len == 0 ||
        !identity_unlicensed(work->change->db, keys, &work->change->arena, &other) ||
        str_eq(other.id, record->id))
        return;
    if (other.entitlements.count == 0)
        identity_merge(work->change, record, &other);
    else
        marks_mark(work->change, work->books->due, other.id, DUE_REGISTRATION,
                   STR("its customer registered a licence"));
}

/* A token that AWS resolved is never lost: it grants nothing, and what GetEntitlements then says is
 * guarded by itself. */
static void note_signer(struct change *change, struct str account)
{
    struct error error;

    if (seller_takes(change->db, account, &error))
        seller_proves(change, account, true);
    else
        log_warning("a registration was resolved by an account that is not the seller account",
                    LOG_MASKED("account", account), LOG_TRACE(change->origin.trace));
}

enum rpc_error on_register(struct work *work)
{
    const struct register_params *params = work->params;
    struct register_result *result = work->result;
    struct change *change = work->change;
    struct keys keys = keys_of(params);
    struct subscription before, after, *record = &after;

    if (keys.license_key.len == 0 && keys.customer_identifier.len == 0 &&
        keys.account_id.len == 0) {
        error_set(work->error,
                  "give at least one of license_arn, customer_identifier and account_id");
        return ERROR_BAD_REQUEST;
    }
    change->origin.cause = CAUSE_REGISTRATION;
    note_signer(change, params->signed_by);
    result->created = !identity_of_registration(change->db, &keys, &change->arena, &before);
    if (result->created) {
        *record = identity_new(&keys);
        enter(record, &keys, params, change_now_s(change));
        records_insert(change, record);
    } else {
        *record = before;
        enter(record, &keys, params, change_now_s(change));
        records_update(change, &before, record);
    }
    join_unlicensed(work, &keys, record);
    identity_take_in_unestablished(change, record);
    tokens_put(change, params->token_sha256, record->id);
    result->ticket =
        marks_mark(change, work->books->due, record->id, DUE_REGISTRATION, STR("registration"));
    result->subscription = arena_alloc(work->arena, sizeof(*record));
    codec_copy(&shape_subscription, record, work->arena, result->subscription);
    return ERROR_NONE;
}

enum rpc_error on_token_find(struct work *work)
{
    const struct token_find_params *params = work->params;
    struct subscription_result *result = work->result;
    struct subscription *record = arena_alloc(work->arena, sizeof(*record));
    struct str id = tokens_find(work->books->db, params->token_sha256, clock_wall_s(), work->arena);

    if (id.len == 0 || !records_resolve(work->books->db, id, work->arena, record)) {
        error_set(work->error, "this token was not seen in the last four hours");
        return ERROR_NOT_FOUND;
    }
    result->subscription = record;
    return ERROR_NONE;
}

enum rpc_error on_reference_use(struct work *work)
{
    const struct reference_use_params *params = work->params;
    struct change *change = work->change;

    if (params->expires_at <= change_now_s(change)) {
        error_set(work->error, "this link has expired");
        return ERROR_NOT_FOUND;
    }
    if (!tokens_use_nonce(change, params->nonce, params->subscription, params->expires_at)) {
        error_set(work->error, "this link was used before");
        return ERROR_CONFLICT;
    }
    return ERROR_NONE;
}

enum rpc_error on_signing_keys(struct work *work)
{
    signing_keys_list(work->books->db, work->arena, work->result);
    return ERROR_NONE;
}

enum rpc_error on_signing_key_make(struct work *work)
{
    const struct signing_key_make_params *params = work->params;
    struct signing_key_make_result *result = work->result;

    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    signing_keys_renew(work->change, params->revoke, result);
    result->id = arena_str(work->arena, result->id);
    journal_note(work->change, AUDIT_OPERATOR,
                 arena_printf(work->arena,
                              "key " STR_FMT " signs the registration page's links; %" PRId64
                              " keys revoked",
                              STR_ARG(result->id), result->revoked));
    return ERROR_NONE;
}
