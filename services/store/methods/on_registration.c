/* Methods of the registrar: register, and the tokens and visits that are good once. */
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/tables/signing_keys.h"
#include "services/store/work/marks.h"

/* AWS Marketplace Seller Guide, "Onboarding customers": a registration token is good for 4 hours.
 */
enum { TOKEN_LIFETIME_S = 4 * 3600 };

static struct keys keys_of(const struct register_params *params)
{
    return (struct keys){.product_code = params->product_code,
                         .license_arn = params->license_arn,
                         .license_key = license_key(params->license_arn),
                         .customer_identifier = params->customer_identifier,
                         .account_id = params->account_id};
}

/* A clock that was ahead does not make it last any longer. */
static bool is_over(const struct stored_token *token, int64_t now_s)
{
    return token->expires_at <= now_s ||
           record_time_is_ahead(token->expires_at, now_s + TOKEN_LIFETIME_S);
}

static void remember(struct change *change, struct str key, const struct stored_token *token)
{
    change_put(change, TABLE_TOKENS, key, &shape_stored_token, token);
}

static void remember_token(struct change *change, struct str digest, struct str id)
{
    if (digest.len > 0)
        remember(change, digest,
                 &(struct stored_token){.subscription = id,
                                        .expires_at = change_now_s(change) + TOKEN_LIFETIME_S});
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
    remember_token(change, params->token_sha256, record->id);
    result->ticket =
        marks_mark(change, work->books->due, record->id, DUE_REGISTRATION, STR("registration"));
    result->subscription = arena_alloc(work->arena, sizeof(*record));
    codec_copy(&shape_subscription, record, work->arena, result->subscription);
    return ERROR_NONE;
}

static bool find_token(struct db *db, struct str digest, struct arena *arena,
                       struct stored_token *ret)
{
    struct error error;
    struct str bytes;

    return digest.len > 0 && db_get(db, TABLE_TOKENS, digest, arena, &bytes) &&
           codec_decode(&shape_stored_token, bytes, arena, ret, &error) == 0;
}

enum rpc_error on_token_find(struct work *work)
{
    const struct token_find_params *params = work->params;
    struct subscription_result *result = work->result;
    struct stored_token token;
    struct subscription *record = arena_alloc(work->arena, sizeof(*record));

    if (!find_token(work->books->db, params->token_sha256, work->arena, &token) ||
        is_over(&token, clock_wall_s()) ||
        !records_resolve(work->books->db, token.subscription, work->arena, record)) {
        error_set(work->error, "this token was not seen in the last four hours");
        return ERROR_NOT_FOUND;
    }
    result->subscription = record;
    return ERROR_NONE;
}

/* Nonces stand among the digests of tokens, under a prefix that no digest has. */
enum rpc_error on_reference_use(struct work *work)
{
    const struct reference_use_params *params = work->params;
    struct change *change = work->change;
    struct str key = arena_printf(work->arena, "ref:" STR_FMT, STR_ARG(params->nonce));
    struct stored_token used;

    if (params->expires_at <= change_now_s(change)) {
        error_set(work->error, "this link has expired");
        return ERROR_NOT_FOUND;
    }
    if (find_token(change->db, key, work->arena, &used)) {
        error_set(work->error, "this link was used before");
        return ERROR_CONFLICT;
    }
    remember(change, key,
             &(struct stored_token){.subscription = params->subscription,
                                    .expires_at = params->expires_at});
    return ERROR_NONE;
}

size_t tokens_prune(struct change *change, int64_t now_s, size_t limit)
{
    struct db_cursor cursor = db_ascend(change->db, TABLE_TOKENS, STR_NONE);
    struct str key, value;
    size_t count = 0;

    while (count < limit && db_step(&cursor, &key, &value)) {
        struct stored_token token;
        struct error error;
        if (codec_decode(&shape_stored_token, arena_str(&change->arena, value), &change->arena,
                         &token, &error) == 0 &&
            token.expires_at > now_s)
            continue;
        db_remove(change->db, TABLE_TOKENS, arena_str(&change->arena, key));
        count++;
    }
    db_cursor_done(&cursor);
    return count;
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
