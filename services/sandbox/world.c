#include "services/sandbox/world.h"

#include <assert.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/crypto/crypto.h"

void world_init(struct world *world)
{
    enum { TOKEN_LIFETIME_S = 4 * 3600, QUOTA_PER_SECOND = 20, CREDENTIALS_LIFETIME_S = 6 * 3600 };

    *world = (struct world){
        .region = STR("us-east-1"),
        .registration_url = STR("http://127.0.0.1:8080/"),
        .base_url = STR("http://127.0.0.1"),
        /* "Onboarding customers to your SaaS product" and the entitlement service's quotas, both
         * in AWS's Marketplace documentation. */
        .token_lifetime_s = TOKEN_LIFETIME_S,
        .quota_per_second = QUOTA_PER_SECOND,
        .credentials_lifetime_s = CREDENTIALS_LIFETIME_S,
        .container_token = STR("sandbox-container-token"),
    };
    world->licenses = map_new();
    STAILQ_INIT(&world->sellers);
    STAILQ_INIT(&world->keys);
    STAILQ_INIT(&world->buyers);
    STAILQ_INIT(&world->products);
    STAILQ_INIT(&world->agreements);
    STAILQ_INIT(&world->tokens);
    STAILQ_INIT(&world->usage);
    STAILQ_INIT(&world->metadata_tokens);
}

void world_done(struct world *world)
{
    map_free(world->licenses);
    arena_done(&world->arena);
}

/* One look-up for every list: the records are few and live as long as the world. */
#define FIND(type, list, member, wanted)                                                           \
    struct type *found_;                                                                           \
    STAILQ_FOREACH (found_, list, link) {                                                          \
        if (str_eq(found_->member, wanted))                                                        \
            return found_;                                                                         \
    }                                                                                              \
    return NULL

struct seller *world_seller(const struct world *world, struct str account)
{
    FIND(seller, &world->sellers, account, account);
}

struct access_key *world_key(const struct world *world, struct str id)
{
    FIND(access_key, &world->keys, id, id);
}

struct product *world_product(const struct world *world, struct str code)
{
    FIND(product, &world->products, code, code);
}

struct agreement *world_agreement(const struct world *world, struct str id)
{
    FIND(agreement, &world->agreements, id, id);
}

struct token *world_token(const struct world *world, struct str text)
{
    FIND(token, &world->tokens, text, text);
}

void world_add_agreement(struct world *world, struct agreement *agreement)
{
    STAILQ_INSERT_TAIL(&world->agreements, agreement, link);
    agreement->same_license = map_put(world->licenses, agreement->license_arn, agreement);
}

struct agreement *world_agreement_by_license(const struct world *world, struct str arn)
{
    return map_get(world->licenses, arn);
}

struct buyer *world_buyer(struct world *world, struct str account)
{
    struct buyer *buyer;

    STAILQ_FOREACH (buyer, &world->buyers, link) {
        if (str_eq(buyer->account, account))
            return buyer;
    }
    buyer = arena_alloc(&world->arena, sizeof(*buyer));
    buyer->account = arena_str(&world->arena, account);
    STAILQ_INSERT_TAIL(&world->buyers, buyer, link);
    return buyer;
}

bool product_is_legacy(const struct product *product)
{
    return str_eq(product->generation, STR("legacy"));
}

bool product_shows_license(const struct product *product)
{
    return !product_is_legacy(product) || product->concurrent;
}

bool agreement_is_active(const struct agreement *agreement)
{
    return str_eq(agreement->status, STR("ACTIVE"));
}

void world_begin_change(struct world *world)
{
    world->change++;
}

void world_touch(struct world *world, struct agreement *agreement)
{
    if (agreement->changed == world->change)
        return;
    agreement->before = agreement->now;
    agreement->changed = world->change;
}

/* One draw for all of it: each asks the system for the process's id. */
static void append_random(struct buf *out, const char *alphabet, size_t size, size_t length)
{
    unsigned char random[64];

    assert(length <= sizeof(random));
    crypto_random(random, length);
    for (size_t i = 0; i < length; i++)
        buf_append_char(out, alphabet[random[i] % size]);
}

static struct str keep(struct arena *arena, struct buf *text)
{
    struct str kept = arena_str(arena, buf_str(text));

    buf_done(text);
    return kept;
}

struct str world_new_id(struct world *world, const char *prefix, size_t length)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    struct buf text = BUF_INIT;

    buf_append_text(&text, prefix);
    append_random(&text, alphabet, sizeof(alphabet) - 1, length);
    return keep(&world->arena, &text);
}

static void append_hex(struct buf *out, size_t digits)
{
    static const char alphabet[] = "0123456789abcdef";

    append_random(out, alphabet, sizeof(alphabet) - 1, digits);
}

/* The account is that of AWS Marketplace, which issues them. */
struct str world_new_license(struct world *world)
{
    enum { LICENSE_DIGITS = 32 };
    struct buf text = BUF_INIT;

    buf_append_text(&text, "arn:aws:license-manager::294406891311:license:l-");
    append_hex(&text, LICENSE_DIGITS);
    return keep(&world->arena, &text);
}

struct str world_new_uuid(struct arena *arena)
{
    enum { UUID_DIGITS = 32 };
    struct buf hex = BUF_INIT;

    append_hex(&hex, UUID_DIGITS);
    struct str uuid = arena_printf(arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex.data, hex.data + 8,
                                   hex.data + 12, hex.data + 15, hex.data + 18);
    buf_done(&hex);
    return uuid;
}

struct str world_new_secret(struct world *world, size_t bytes)
{
    unsigned char raw[128];
    struct buf text = BUF_INIT;

    if (bytes > sizeof(raw))
        bytes = sizeof(raw);
    crypto_random(raw, bytes);
    crypto_base64(&text, str_from(raw, bytes));
    return keep(&world->arena, &text);
}

struct access_key *world_new_key(struct world *world, struct str account, struct str arn,
                                 int64_t lifetime_s)
{
    enum { ID_LENGTH = 16, SECRET_BYTES = 30, TOKEN_BYTES = 120 };
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct access_key *key = arena_alloc(&world->arena, sizeof(*key));
    struct buf id = BUF_INIT;

    buf_append_text(&id, "ASIA");
    append_random(&id, alphabet, sizeof(alphabet) - 1, ID_LENGTH);
    key->id = keep(&world->arena, &id);
    key->secret = world_new_secret(world, SECRET_BYTES);
    key->session_token = world_new_secret(world, TOKEN_BYTES);
    key->account = arena_str(&world->arena, account);
    key->arn = arena_str(&world->arena, arn);
    key->expires_at = clock_wall_s() + lifetime_s;
    STAILQ_INSERT_TAIL(&world->keys, key, link);
    return key;
}

int64_t world_expire_keys(struct world *world)
{
    struct access_key *key;
    int64_t now_s = clock_wall_s(), count = 0;

    STAILQ_FOREACH (key, &world->keys, link) {
        if (key->expires_at <= now_s)
            continue;
        key->expires_at = now_s;
        count++;
    }
    return count;
}
