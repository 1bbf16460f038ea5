#include "services/store/tables/tokens.h"

#include "proto/codec/codec.h"
#include "proto/record/record.h"

/* AWS Marketplace Seller Guide, "Onboarding customers": a registration token is good for 4 hours.
 */
enum { TOKEN_LIFETIME_S = 4 * 3600 };

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

void tokens_put(struct change *change, struct str digest, struct str id)
{
    if (digest.len > 0)
        remember(change, digest,
                 &(struct stored_token){.subscription = id,
                                        .expires_at = change_now_s(change) + TOKEN_LIFETIME_S});
}

static bool find(struct db *db, struct str digest, struct arena *arena, struct stored_token *ret)
{
    struct error error;
    struct str bytes;

    return digest.len > 0 && db_get(db, TABLE_TOKENS, digest, arena, &bytes) &&
           codec_decode(&shape_stored_token, bytes, arena, ret, &error) == 0;
}

struct str tokens_find(struct db *db, struct str digest, int64_t now_s, struct arena *arena)
{
    struct stored_token token;

    return find(db, digest, arena, &token) && !is_over(&token, now_s) ? token.subscription
                                                                      : STR_NONE;
}

/* Nonces stand among the digests of tokens, under a prefix that no digest has. */
bool tokens_use_nonce(struct change *change, struct str nonce, struct str id, int64_t expires_at_s)
{
    struct str key = arena_printf(&change->arena, "ref:" STR_FMT, STR_ARG(nonce));
    struct stored_token used;

    if (find(change->db, key, &change->arena, &used))
        return false;
    remember(change, key, &(struct stored_token){.subscription = id, .expires_at = expires_at_s});
    return true;
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
