#include "services/store/tables/incarnation.h"

#include <stdio.h>

#include "common/crypto/crypto.h"

static const struct str row_key = STR_INIT("incarnation");

void incarnation_read(struct db *db, char ret[INCARNATION_SIZE])
{
    struct arena arena = ARENA_INIT;
    struct str value;

    ret[0] = '\0';
    if (db_get(db, TABLE_META, row_key, &arena, &value))
        snprintf(ret, INCARNATION_SIZE, STR_FMT, STR_ARG(value));
    arena_done(&arena);
}

bool incarnation_has(struct db *db)
{
    return db_has(db, TABLE_META, row_key);
}

bool incarnation_is(struct db *db, struct str incarnation)
{
    char own[INCARNATION_SIZE];

    incarnation_read(db, own);
    return own[0] && str_eq_text(incarnation, own);
}

void incarnation_make(struct change *change)
{
    unsigned char random[(INCARNATION_SIZE - 1) / 2];
    struct buf hex = BUF_INIT;

    crypto_random(random, sizeof(random));
    crypto_hex(&hex, random, sizeof(random));
    db_put(change->db, TABLE_META, row_key, buf_str(&hex));
    buf_done(&hex);
    change->restated = true;
}

int incarnation_forget(struct db *db, struct error *error)
{
    db_begin(db);
    db_remove(db, TABLE_META, row_key);
    return db_commit(db, error);
}
