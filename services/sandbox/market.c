#include "services/sandbox/market.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/notices.h"

static struct agreement *find_active(const struct world *world, const struct product *product,
                                     struct str account)
{
    struct agreement *agreement;

    STAILQ_FOREACH (agreement, &world->agreements, link) {
        if (agreement->product == product && str_eq(agreement->account, account) &&
            agreement_is_active(agreement))
            return agreement;
    }
    return NULL;
}

/* One identifier per account and product, whatever the number of agreements. */
static struct str customer_identifier(struct world *world, const struct product *product,
                                      struct str account)
{
    enum { IDENTIFIER_LENGTH = 9 };
    const struct agreement *agreement;

    if (!product_is_legacy(product))
        return STR_NONE;
    STAILQ_FOREACH (agreement, &world->agreements, link) {
        if (agreement->product == product && str_eq(agreement->account, account))
            return agreement->customer_identifier;
    }
    return world_new_id(world, "Ex", IDENTIFIER_LENGTH);
}

static struct agreement *new_agreement(struct world *world, struct product *product,
                                       struct str account, struct str license_arn)
{
    enum { AGREEMENT_LENGTH = 27, OFFER_LENGTH = 13 };
    struct agreement *agreement = arena_alloc(&world->arena, sizeof(*agreement));
    int64_t now_ms = clock_wall_ms(), now_s = now_ms / 1000;

    *agreement = (struct agreement){
        .product = product,
        .product_code = product->code,
        .id = world_new_id(world, "agmt-", AGREEMENT_LENGTH),
        .account = arena_str(&world->arena, account),
        .offer = world_new_id(world, "offer-", OFFER_LENGTH),
        .status = STR("ACTIVE"),
        .license_arn = license_arn,
        .customer_identifier = customer_identifier(world, product, account),
        .accepted_at = now_s,
        .starts_at = now_s,
        .accepted_ms = now_ms % 1000,
        .provision_at = now_s,
        .expiry_lag_s = world->expiry_lag_s,
        /* Before it was made, nothing was listed. */
        .changed = world->change,
    };
    world_add_agreement(world, agreement);
    return agreement;
}

static bool is_provision_due(const struct agreement *agreement, int64_t now_s)
{
    return agreement->calls_before <= 0 && agreement->provision_at <= now_s;
}

static void provision(struct sandbox *sandbox, struct agreement *agreement)
{
    struct notices notices = {sandbox, &agreement->lose};

    world_touch(&sandbox->world, agreement);
    agreement->provisioned = true;
    agreement->now.listed = true;
    notice_ready(&notices, agreement);
}

static void keep_lose(struct world *world, struct agreement *agreement, const struct names *lose)
{
    if (!lose)
        return;
    agreement->lose.list = arena_alloc_array(&world->arena, lose->count + 1, sizeof(struct str));
    for (size_t i = 0; i < lose->count; i++)
        agreement->lose.list[i] = arena_str(&world->arena, lose->list[i]);
    agreement->lose.count = lose->count;
}

static void open_agreement(struct sandbox *sandbox, struct agreement *agreement, bool with_previous)
{
    struct notices notices = {sandbox, &agreement->lose};

    notice_created(&notices, agreement, with_previous);
    if (is_provision_due(agreement, clock_wall_s()))
        provision(sandbox, agreement);
}

static bool is_account(struct str text)
{
    enum { ACCOUNT_DIGITS = 12 };

    if (text.len != ACCOUNT_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return true;
}

int market_buy(struct sandbox *sandbox, const struct order *order, struct agreement **ret,
               struct error *error)
{
    struct world *world = &sandbox->world;

    if (!is_account(order->account))
        return error_set(error, "'account' must be twelve digits");
    if (!product_shows_license(order->product) &&
        find_active(world, order->product, order->account))
        return error_set(error, "the account has this product already, and the listing does not "
                                "take part in concurrent agreements");
    world_begin_change(world);
    struct agreement *agreement =
        new_agreement(world, order->product, order->account, world_new_license(world));
    world_buyer(world, order->account);
    agreement->intent = STR("NEW");
    agreement->now = order->grant;
    agreement->now.listed = false;
    agreement->free_trial = order->free_trial;
    agreement->auto_renew = order->auto_renew;
    agreement->expiry_lag_s = order->expiry_lag_s;
    agreement->provision_at += order->pending_s;
    agreement->calls_before = order->entitlements_after;
    keep_lose(world, agreement, order->lose);
    open_agreement(sandbox, agreement, false);
    *ret = agreement;
    return 0;
}

static int need_active(const struct agreement *agreement, struct error *error)
{
    if (agreement_is_active(agreement))
        return 0;
    return error_set(error, "the agreement has ended: " STR_FMT, STR_ARG(agreement->status));
}

int market_change(struct sandbox *sandbox, struct agreement *agreement, const struct grant *grant,
                  const struct names *lose, struct error *error)
{
    struct notices notices = {sandbox, lose};

    if (need_active(agreement, error) < 0)
        return -1;
    world_begin_change(&sandbox->world);
    world_touch(&sandbox->world, agreement);
    bool listed = agreement->now.listed;
    agreement->now = *grant;
    agreement->now.listed = listed;
    notice_changed(&notices, agreement);
    return 0;
}

static void close_agreement(struct sandbox *sandbox, struct agreement *agreement, struct str status)
{
    world_touch(&sandbox->world, agreement);
    agreement->status = arena_str(&sandbox->world.arena, status);
    agreement->ended_at = clock_wall_s();
    agreement->now.listed = false;
}

static struct agreement *new_successor(struct sandbox *sandbox, struct agreement *agreement,
                                       const struct succession *succession)
{
    struct world *world = &sandbox->world;
    struct str license_arn =
        succession->keep_license ? agreement->license_arn : world_new_license(world);
    struct agreement *next =
        new_agreement(world, agreement->product, agreement->account, license_arn);

    next->intent = succession->replace ? STR("REPLACE") : STR("RENEW");
    next->previous = agreement->id;
    next->now = succession->grant;
    next->now.listed = false;
    next->auto_renew = agreement->auto_renew;
    next->expiry_lag_s = agreement->expiry_lag_s;
    next->provision_at += succession->pending_s;
    next->calls_before = succession->entitlements_after;
    if (!succession->replace)
        next->offer = agreement->offer;
    keep_lose(world, next, succession->lose);
    return next;
}

int market_succeed(struct sandbox *sandbox, struct agreement *agreement,
                   const struct succession *succession, struct agreement **ret, struct error *error)
{
    struct notices notices = {sandbox, succession->lose};

    if (need_active(agreement, error) < 0)
        return -1;
    world_begin_change(&sandbox->world);
    struct agreement *next = new_successor(sandbox, agreement, succession);

    close_agreement(sandbox, agreement, succession->replace ? STR("REPLACED") : STR("RENEWED"));
    if (succession->created_first)
        open_agreement(sandbox, next, succession->with_previous);
    notice_ended(&notices, agreement);
    if (!succession->keep_license)
        notice_withdrawn(&notices, agreement);
    if (!succession->created_first)
        open_agreement(sandbox, next, succession->with_previous);
    *ret = next;
    return 0;
}

int market_end(struct sandbox *sandbox, struct agreement *agreement, struct str status,
               const struct names *lose, struct error *error)
{
    struct notices notices = {sandbox, lose};

    if (need_active(agreement, error) < 0)
        return -1;
    world_begin_change(&sandbox->world);
    close_agreement(sandbox, agreement, status);
    notice_ended(&notices, agreement);
    notice_withdrawn(&notices, agreement);
    return 0;
}

int market_fail_payment(struct sandbox *sandbox, struct agreement *agreement,
                        const struct names *lose, struct error *error)
{
    struct notices notices = {sandbox, lose};

    if (!product_is_legacy(agreement->product))
        return error_set(error, "only legacy listings hear of a failed subscription");
    if (need_active(agreement, error) < 0)
        return -1;
    world_begin_change(&sandbox->world);
    close_agreement(sandbox, agreement, STR("TERMINATED"));
    notice_payment_failed(&notices, agreement);
    return 0;
}

/* Opaque, and with every character that a form must escape. */
struct token *market_token(struct sandbox *sandbox, struct agreement *agreement)
{
    enum { TOKEN_BYTES = 96 };
    struct world *world = &sandbox->world;
    struct token *token = arena_alloc(&world->arena, sizeof(*token));

    token->text = arena_printf(&world->arena, "eyJ2IjoxfQ==.+/" STR_FMT,
                               STR_ARG(world_new_secret(world, TOKEN_BYTES)));
    token->agreement = agreement;
    token->issued_at = clock_wall_s();
    STAILQ_INSERT_TAIL(&world->tokens, token, link);
    return token;
}

static void renew_by_itself(struct sandbox *sandbox, struct agreement *agreement)
{
    struct succession succession = {.with_previous = true, .grant = agreement->now};
    struct agreement *next;

    succession.grant.ends_at += agreement->now.ends_at - agreement->starts_at;
    market_succeed(sandbox, agreement, &succession, &next, NULL);
}

static int64_t expires_at_s(const struct agreement *agreement)
{
    return agreement->expiry_lag_s < 0 ? INT64_MAX
                                       : agreement->now.ends_at + agreement->expiry_lag_s;
}

/* When time alone changes something of it; a time that has passed waits for calls, not for time. */
static int64_t changes_at_s(const struct agreement *agreement, int64_t now_s)
{
    int64_t at_s = expires_at_s(agreement);

    if (!agreement_is_active(agreement))
        return INT64_MAX;
    if (!agreement->provisioned && agreement->provision_at > now_s &&
        agreement->provision_at < at_s)
        at_s = agreement->provision_at;
    return at_s;
}

static void settle(struct sandbox *sandbox, struct agreement *agreement, int64_t now_s)
{
    if (!agreement_is_active(agreement))
        return;
    if (!agreement->provisioned && is_provision_due(agreement, now_s)) {
        world_begin_change(&sandbox->world);
        provision(sandbox, agreement);
    }
    if (expires_at_s(agreement) > now_s)
        return;
    if (agreement->auto_renew && agreement->now.ends_at > agreement->starts_at)
        renew_by_itself(sandbox, agreement);
    else
        market_end(sandbox, agreement, STR("EXPIRED"), NULL, NULL);
}

void market_settle(struct sandbox *sandbox)
{
    struct world *world = &sandbox->world;
    int64_t now_s = clock_wall_s(), next_s = INT64_MAX;
    struct agreement *agreement;

    if (world->change == world->settled_change && now_s < world->settle_at_s)
        return;
    STAILQ_FOREACH (agreement, &world->agreements, link) {
        settle(sandbox, agreement, now_s);
        int64_t at_s = changes_at_s(agreement, now_s);
        if (at_s < next_s)
            next_s = at_s;
    }
    world->settled_change = world->change;
    world->settle_at_s = next_s;
}

void market_asked(struct sandbox *sandbox, struct agreement *agreement)
{
    if (!agreement_is_active(agreement) || agreement->provisioned || agreement->calls_before <= 0)
        return;
    agreement->calls_before--;
    if (is_provision_due(agreement, clock_wall_s())) {
        world_begin_change(&sandbox->world);
        provision(sandbox, agreement);
    }
}
