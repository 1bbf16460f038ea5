#include "services/store/signing_keys.h"

#include "common/base/buf.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"

static const char meta_key[] = "signing_keys";

void signing_keys_make(struct db *db, int64_t now_s)
{
    unsigned char secret[32] = {0};
    struct signing_key key = {
        .id = STR("1"), .secret = str_from(secret, sizeof(secret)), .created_at = now_s};
    struct signing_keys_result keys = {.keys = {.items = &key, .count = 1}};
    struct buf bytes = BUF_INIT;

    if (db_has(db, TABLE_META, str_of(meta_key)))
        return;
    crypto_random(secret, sizeof(secret));
    codec_encode(&shape_signing_keys_result, &keys, &bytes);
    db_put(db, TABLE_META, str_of(meta_key), buf_str(&bytes));
    buf_done(&bytes);
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
