#include "services/sandbox/market_verbs.h"

#include "common/base/clock.h"
#include "services/sandbox/market.h"
#include "services/sandbox/notices.h"
#include "services/sandbox/world_json.h"

enum { DAY_S = 24 * 3600, YEAR_DAYS = 365 };

/* What any of the verbs may be asked with; each has its own table of those it takes. */
struct turn {
    struct str agreement, product, account, order, status;
    const struct json *dimensions;
    int64_t expires_at, term_days, term_s;
    int64_t pending_s, entitlements_after, expiry_lag_s;
    bool free_trial, auto_renew, keep_license, with_previous, expired, no_end;
    struct names lose;
};

#define TURN(member, kind, required)                                                               \
    {                                                                                              \
#member, kind, offsetof(struct turn, member), required                                     \
    }
#define TURN_LOSE      TURN(lose, FIELD_NAMES, false)
#define TURN_AGREEMENT TURN(agreement, FIELD_STR, true)
#define TURN_TERM                                                                                  \
    TURN(expires_at, FIELD_INTEGER, false), TURN(term_days, FIELD_INTEGER, false),                 \
        TURN(term_s, FIELD_INTEGER, false), TURN(no_end, FIELD_BOOL, false)
#define TURN_LATER                                                                                 \
    TURN(pending_s, FIELD_INTEGER, false), TURN(entitlements_after, FIELD_INTEGER, false)

static const struct field buy_fields[] = {
    TURN(product, FIELD_STR, true),
    TURN(account, FIELD_STR, true),
    TURN(dimensions, FIELD_JSON, true),
    TURN_TERM,
    TURN_LATER,
    TURN(expiry_lag_s, FIELD_INTEGER, false),
    TURN(free_trial, FIELD_BOOL, false),
    TURN(auto_renew, FIELD_BOOL, false),
    TURN_LOSE,
    FIELD_END,
};

static const struct field token_fields[] = {
    TURN_AGREEMENT,
    TURN(expired, FIELD_BOOL, false),
    FIELD_END,
};

static const struct field change_fields[] = {
    TURN_AGREEMENT, TURN(dimensions, FIELD_JSON, false), TURN_TERM, TURN_LOSE, FIELD_END,
};

static const struct field succession_fields[] = {
    TURN_AGREEMENT,
    TURN(dimensions, FIELD_JSON, false),
    TURN_TERM,
    TURN_LATER,
    TURN(order, FIELD_STR, false),
    TURN(keep_license, FIELD_BOOL, false),
    TURN(with_previous, FIELD_BOOL, false),
    TURN_LOSE,
    FIELD_END,
};

static const struct field cancel_fields[] = {
    TURN_AGREEMENT,
    TURN(status, FIELD_STR, false),
    TURN_LOSE,
    FIELD_END,
};

static const struct field end_fields[] = {
    TURN_AGREEMENT,
    TURN_LOSE,
    FIELD_END,
};

static int read_turn(struct sandbox *sandbox, const struct field *fields, struct turn *turn,
                     const struct json *ask, struct error *error)
{
    if (fields_load(&sandbox->world.arena, fields, turn, ask, error) < 0)
        return -1;
    for (size_t i = 0; i < turn->lose.count; i++) {
        if (!notice_name_is_known(turn->lose.list[i]))
            return error_set(error, "no notice is called '" STR_FMT "'",
                             STR_ARG(turn->lose.list[i]));
    }
    if (turn->term_days < 0 || turn->term_s < 0 || turn->pending_s < 0 ||
        turn->entitlements_after < 0)
        return error_set(error, "spans and counts must not be negative");
    return 0;
}

/* An agreement is named by its id or by its licence. */
static struct agreement *find_agreement(struct sandbox *sandbox, const struct turn *turn,
                                        struct error *error)
{
    struct agreement *agreement = world_agreement(&sandbox->world, turn->agreement);

    if (!agreement)
        agreement = world_agreement_by_license(&sandbox->world, turn->agreement);
    if (!agreement)
        error_set(error, "no agreement is called " STR_FMT, STR_ARG(turn->agreement));
    return agreement;
}

/* When it ends: as asked, or fallback. AWS writes the year 9999 for what has no end. */
static int64_t end_of(const struct turn *turn, int64_t fallback)
{
    static const int64_t no_end_s = 253370764800; /* 9999-01-01T00:00:00Z */

    if (turn->no_end)
        return no_end_s;
    if (turn->expires_at != 0)
        return turn->expires_at;
    if (turn->term_s != 0 || turn->term_days != 0)
        return clock_wall_s() + turn->term_s + turn->term_days * DAY_S;
    return fallback;
}

static void describe(const struct agreement *agreement, struct json *reply)
{
    json_set_str(reply, "agreement_id", agreement->id);
    json_set_str(reply, "license_arn", agreement->license_arn);
    if (!str_is_empty(agreement->customer_identifier))
        json_set_str(reply, "customer_identifier", agreement->customer_identifier);
    json_set_str(reply, "account", agreement->account);
    json_set_str(reply, "product", agreement->product->code);
    json_set_str(reply, "offer", agreement->offer);
    json_set_str(reply, "status", agreement->status);
    json_set_integer(reply, "expires_at", agreement->now.ends_at);
}

/* The form that the buyer's browser posts to the seller ("Onboarding customers to your SaaS
 * product"). */
static void describe_form(struct sandbox *sandbox, const struct agreement *agreement,
                          const struct token *token, struct json *reply)
{
    struct json *form = json_new_object(), *fields = json_new_object();

    json_set_str(fields, "x-amzn-marketplace-token", token->text);
    if (agreement->free_trial)
        json_set_str(fields, "x-amzn-marketplace-offer-type", STR("free-trial"));
    json_set_str(form, "action", sandbox->world.registration_url);
    json_set(form, "fields", fields);
    json_set_str(reply, "token", token->text);
    json_set(reply, "form", form);
}

int verb_buy(struct sandbox *sandbox, const struct json *ask, struct json *reply,
             struct error *error)
{
    struct turn turn = {.expiry_lag_s = sandbox->world.expiry_lag_s};
    struct agreement *agreement;

    if (read_turn(sandbox, buy_fields, &turn, ask, error) < 0)
        return -1;
    struct order order = {
        .product = world_product(&sandbox->world, turn.product),
        .account = turn.account,
        .pending_s = turn.pending_s,
        .entitlements_after = turn.entitlements_after,
        .expiry_lag_s = turn.expiry_lag_s,
        .free_trial = turn.free_trial,
        .auto_renew = turn.auto_renew,
        .lose = &turn.lose,
    };
    if (!order.product)
        return error_set(error, "no product has the code " STR_FMT, STR_ARG(turn.product));
    order.grant.ends_at = end_of(&turn, clock_wall_s() + (int64_t)YEAR_DAYS * DAY_S);
    if (entitlements_load(&sandbox->world, order.product, &order.grant, turn.dimensions, error) <
            0 ||
        market_buy(sandbox, &order, &agreement, error) < 0)
        return -1;
    describe(agreement, reply);
    describe_form(sandbox, agreement, market_token(sandbox, agreement), reply);
    return 0;
}

int verb_token(struct sandbox *sandbox, const struct json *ask, struct json *reply,
               struct error *error)
{
    struct turn turn = {0};
    struct agreement *agreement;

    if (read_turn(sandbox, token_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)))
        return -1;
    struct token *token = market_token(sandbox, agreement);
    if (turn.expired)
        token->issued_at -= sandbox->world.token_lifetime_s;
    describe(agreement, reply);
    describe_form(sandbox, agreement, token, reply);
    return 0;
}

static int load_grant(struct sandbox *sandbox, const struct agreement *agreement,
                      const struct turn *turn, int64_t ends_at, struct grant *grant,
                      struct error *error)
{
    *grant = agreement->now;
    grant->ends_at = end_of(turn, ends_at);
    if (!turn->dimensions)
        return 0;
    return entitlements_load(&sandbox->world, agreement->product, grant, turn->dimensions, error);
}

int verb_change(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error)
{
    struct turn turn = {0};
    struct agreement *agreement;
    struct grant grant;

    if (read_turn(sandbox, change_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)) ||
        load_grant(sandbox, agreement, &turn, agreement->now.ends_at, &grant, error) < 0 ||
        market_change(sandbox, agreement, &grant, &turn.lose, error) < 0)
        return -1;
    describe(agreement, reply);
    return 0;
}

static int succeed(struct sandbox *sandbox, bool replace, const struct json *ask,
                   struct json *reply, struct error *error)
{
    struct turn turn = {.order = STR("ended_first"), .with_previous = !replace};
    struct agreement *agreement, *next;

    if (read_turn(sandbox, succession_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)))
        return -1;
    struct succession succession = {
        .replace = replace,
        .created_first = str_eq(turn.order, STR("created_first")),
        .keep_license = turn.keep_license,
        .with_previous = turn.with_previous,
        .pending_s = turn.pending_s,
        .entitlements_after = turn.entitlements_after,
        .lose = &turn.lose,
    };
    int64_t ends_at = agreement->now.ends_at + (replace ? 0 : (int64_t)YEAR_DAYS * DAY_S);
    if (!succession.created_first && !str_eq(turn.order, STR("ended_first")))
        return error_set(error, "'order' must be \"ended_first\" or \"created_first\"");
    if (load_grant(sandbox, agreement, &turn, ends_at, &succession.grant, error) < 0 ||
        market_succeed(sandbox, agreement, &succession, &next, error) < 0)
        return -1;
    json_set_str(reply, "previous_agreement_id", agreement->id);
    describe(next, reply);
    return 0;
}

int verb_renew(struct sandbox *sandbox, const struct json *ask, struct json *reply,
               struct error *error)
{
    return succeed(sandbox, false, ask, reply, error);
}

int verb_replace(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                 struct error *error)
{
    return succeed(sandbox, true, ask, reply, error);
}

int verb_cancel(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error)
{
    struct turn turn = {.status = STR("CANCELLED")};
    struct agreement *agreement;

    if (read_turn(sandbox, cancel_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)))
        return -1;
    if (!str_eq(turn.status, STR("CANCELLED")) && !str_eq(turn.status, STR("TERMINATED")))
        return error_set(error, "'status' must be CANCELLED or TERMINATED");
    if (market_end(sandbox, agreement, turn.status, &turn.lose, error) < 0)
        return -1;
    describe(agreement, reply);
    return 0;
}

int verb_expire(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error)
{
    struct turn turn = {0};
    struct agreement *agreement;

    if (read_turn(sandbox, end_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)) ||
        market_end(sandbox, agreement, STR("EXPIRED"), &turn.lose, error) < 0)
        return -1;
    describe(agreement, reply);
    return 0;
}

int verb_subscribe_fail(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                        struct error *error)
{
    struct turn turn = {0};
    struct agreement *agreement;

    if (read_turn(sandbox, end_fields, &turn, ask, error) < 0 ||
        !(agreement = find_agreement(sandbox, &turn, error)) ||
        market_fail_payment(sandbox, agreement, &turn.lose, error) < 0)
        return -1;
    describe(agreement, reply);
    return 0;
}
