#include "tests/bench/writes.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto/crypto.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "tests/bench/data.h"

/* How many requests share a commit, as the store's default has it. */
enum { GROUP = 256 };

/* Inserts are journalled behind every update. */
static const uint64_t first_insert = 1ull << 36;

const char *const write_table_names[WRITE_TABLES] = {
    [WRITE_SUBSCRIPTIONS] = "subscriptions",
    [WRITE_HANDLES] = "handles",
    [WRITE_JOURNAL] = "journal",
    [WRITE_JOURNAL_OF] = "journal-of",
    [WRITE_DUE] = "due",
};

static struct str joined(struct arena *arena, struct str a, struct str b)
{
    char *bytes = arena_alloc(arena, a.len + 1 + b.len);

    memcpy(bytes, a.ptr, a.len);
    memcpy(bytes + a.len + 1, b.ptr, b.len);
    return str_from(bytes, a.len + 1 + b.len);
}

static struct str encoded(struct arena *arena, const struct shape *shape, const void *value)
{
    struct buf bytes = BUF_INIT;

    codec_encode(shape, value, &bytes);
    struct str copy = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    return copy;
}

static void add(struct write *write, enum write_table table, struct str key, struct str value)
{
    write->rows[write->count++] = (struct write_row){.table = table, .key = key, .value = value};
}

static void add_handle(struct write *write, struct arena *arena, struct str handle, struct str id)
{
    if (handle.len > 0)
        add(write, WRITE_HANDLES, joined(arena, handle, id), STR(""));
}

static void add_record(struct write *write, struct arena *arena, const struct subscription *record)
{
    add(write, WRITE_SUBSCRIPTIONS, record->id, encoded(arena, &shape_subscription, record));
}

static void add_handles(struct write *write, struct arena *arena, const struct subscription *record)
{
    add_handle(write, arena, record->id, record->id);
    add_handle(write, arena, record->license_key, record->id);
    add_handle(write, arena, record->account_id, record->id);
    add_handle(write, arena, record->tenant, record->id);
    add_handle(write, arena, record->agreement_id, record->id);
}

/* Salt and hash may be any bytes: what is measured is that they are written. */
static struct str chained(struct arena *arena, const struct journal_entry *entry, struct str change)
{
    struct stored_words words = {.change = change};
    unsigned char salt[16], hash[CRYPTO_SHA256_SIZE];

    crypto_random(salt, sizeof(salt));
    crypto_random(hash, sizeof(hash));
    const struct stored_entry row = {.sealed = encoded(arena, &shape_journal_entry, entry),
                                     .salt = str_from(salt, sizeof(salt)),
                                     .words = encoded(arena, &shape_stored_words, &words),
                                     .hash = str_from(hash, sizeof(hash))};
    return encoded(arena, &shape_stored_entry, &row);
}

static void add_journal(struct write *write, struct arena *arena, uint64_t number, enum cause cause,
                        const struct subscription *before, const struct subscription *after)
{
    unsigned char *place = arena_alloc(arena, 12);
    uint64_t seq = number / GROUP + 1;
    uint32_t index = (uint32_t)(number % GROUP);
    struct buf change = BUF_INIT;

    for (int i = 0; i < 8; i++)
        place[i] = (unsigned char)(seq >> (8 * (7 - i)));
    for (int i = 0; i < 4; i++)
        place[8 + i] = (unsigned char)(index >> (8 * (3 - i)));
    record_describe_change(before, after, &change);
    const struct journal_entry entry = {.seq = (int64_t)seq,
                                        .index = index,
                                        .time = after->updated_at,
                                        .subscription = after->id,
                                        .version = after->version,
                                        .cause = cause};
    struct str key = str_from(place, 12);
    add(write, WRITE_JOURNAL, key, chained(arena, &entry, buf_str(&change)));
    add(write, WRITE_JOURNAL_OF, joined(arena, after->id, key), STR(""));
    buf_done(&change);
}

/* The store's ids are random. */
static struct str random_id(uint64_t i, struct arena *arena)
{
    struct str license = data_license_key(i, arena);

    return arena_printf(arena, "s-%.16s", license.ptr + 2);
}

static void known_record(uint64_t i, int64_t now_s, struct arena *arena, struct subscription *ret)
{
    data_record(i, now_s, arena, ret);
    ret->id = random_id(i, arena);
}

static struct str tenant_of_round(uint64_t i, uint64_t round, struct arena *arena)
{
    char first[DATA_TENANT_LEN + 1];

    if (round > 0)
        return arena_printf(arena, "t%05" PRIu64 "-%08" PRIu64, round, i);
    data_tenant(i, first);
    return arena_str(arena, str_of(first));
}

struct str write_tenant(uint64_t k, uint64_t customers, struct arena *arena)
{
    return tenant_of_round(write_target(k, customers), k / customers + 1, arena);
}

void write_of_load(uint64_t i, int64_t now_s, struct arena *arena, struct write *ret)
{
    struct subscription record;

    *ret = (struct write){.count = 0};
    known_record(i, now_s, arena, &record);
    add_record(ret, arena, &record);
    add_handles(ret, arena, &record);
    add_journal(ret, arena, i, cause_none, NULL, &record);
}

void write_of_update(uint64_t k, uint64_t customers, int64_t now_s, struct arena *arena,
                     struct write *ret)
{
    uint64_t i = write_target(k, customers), round = k / customers;
    struct subscription before, after;

    *ret = (struct write){.count = 0};
    known_record(i, now_s, arena, &before);
    before.tenant = tenant_of_round(i, round, arena);
    after = before;
    after.tenant = tenant_of_round(i, round + 1, arena);
    after.version = (int64_t)round + 2;
    after.seq = (int64_t)((customers + k) / GROUP) + 1;
    add_record(ret, arena, &after);
    ret->rows[ret->count++] = (struct write_row){
        .table = WRITE_HANDLES, .removes = true, .key = joined(arena, before.tenant, before.id)};
    add_handle(ret, arena, after.tenant, after.id);
    add_journal(ret, arena, customers + k, CAUSE_OPERATOR, &before, &after);
}

void write_of_insert(uint64_t i, int64_t now_s, struct arena *arena, struct write *ret)
{
    struct subscription record = {.id = random_id(i, arena),
                                  .version = 1,
                                  .seq = (int64_t)(i / GROUP) + 1,
                                  .product_code = STR(DATA_PRODUCT),
                                  .account_id = data_account(i, arena),
                                  .license_arn = data_license_arn(i, arena),
                                  .license_key = data_license_key(i, arena),
                                  .registered_at = now_s,
                                  .created_at = now_s,
                                  .updated_at = now_s};
    struct stored_due due = {.class = DUE_REGISTRATION,
                             .reason = STR("registration"),
                             .since = now_s,
                             .ticket = (int64_t)(i + (1ull << 32))};

    *ret = (struct write){.count = 0};
    add_record(ret, arena, &record);
    add_handles(ret, arena, &record);
    add_journal(ret, arena, first_insert + i, CAUSE_REGISTRATION, NULL, &record);
    add(ret, WRITE_DUE, record.id, encoded(arena, &shape_stored_due, &due));
}
