#include "services/store/tables/signing_keys.h"

#include <inttypes.h>

#include "common/base/buf.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"

static const char meta_key[] = "signing_keys";

enum { SECRET_BYTES = 32 };

static void write_keys(struct db *db, const struct signing_keys_result *keys)
{
    struct buf bytes = BUF_INIT;

    codec_encode(&shape_signing_keys_result, keys, &bytes);
    db_put(db, TABLE_META, str_of(meta_key), buf_str(&bytes));
    buf_done(&bytes);
}

void signing_keys_make(struct db *db, int64_t now_s)
{
    unsigned char secret[SECRET_BYTES] = {0};
    struct signing_key key = {
        .id = STR("1"), .secret = str_from(secret, sizeof(secret)), .created_at = now_s};
    struct signing_keys_result keys = {.keys = {.items = &key, .count = 1}};

    if (db_has(db, TABLE_META, str_of(meta_key)))
        return;
    crypto_random(secret, sizeof(secret));
    write_keys(db, &keys);
}

/* Numbers, so that an id never comes again. */
static int64_t next_id(const struct signing_key_list *keys)
{
    int64_t next = 1;

    for (size_t i = 0; i < keys->count; i++) {
        int64_t id;
        if (str_to_i64(keys->items[i].id, &id) && id >= next)
            next = id + 1;
    }
    return next;
}

void signing_keys_renew(struct change *change, bool revoke, struct signing_key_make_result *ret)
{
    unsigned char secret[SECRET_BYTES];
    struct signing_key items[SIGNING_KEYS_MOST];
    struct signing_keys_result before, after = {.keys = {.items = items, .count = 1}};

    signing_keys_list(change->db, &change->arena, &before);
    crypto_random(secret, sizeof(secret));
    items[0] =
        (struct signing_key){.id = arena_printf(&change->arena, "%" PRId64, next_id(&before.keys)),
                             .secret = str_from(secret, sizeof(secret)),
                             .created_at = change_now_s(change)};
    for (size_t i = 0; !revoke && i < before.keys.count && after.keys.count < SIGNING_KEYS_MOST;
         i++)
        items[after.keys.count++] = before.keys.items[i];
    write_keys(change->db, &after);
    *ret = (struct signing_key_make_result){
        .id = items[0].id, .revoked = (int64_t)(before.keys.count + 1 - after.keys.count)};
}

void signing_keys_list(struct db *db, struct arena *arena, struct signing_keys_result *ret)
{
    struct error error;
    struct str bytes;

    *ret = (struct signing_keys_result){0};
    if (!db_get(db, TABLE_META, str_of(meta_key), arena, &bytes))
        return;
    if (codec_decode(&shape_signing_keys_result, bytes, arena, ret, &error) < 0)
        log_error("the signing keys cannot be read", LOG_TEXT("why", error.text));
}
