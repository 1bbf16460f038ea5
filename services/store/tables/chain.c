#include "services/store/tables/chain.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/slice.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"

enum { SLICE_US = 3000, BREAKS_MAX = 1000 };

_Static_assert(CHAIN_HASH_SIZE == CRYPTO_SHA256_SIZE, "the chain needs SHA-256");

static const char anchor_key[] = "journal_anchor";

struct str place_key(struct arena *arena, int64_t seq, int64_t index)
{
    struct str first = db_key_u64(arena, (uint64_t)seq);
    struct str second = db_key_u64(arena, (uint64_t)index);
    char *key = arena_alloc(arena, PLACE_SIZE);

    memcpy(key, first.ptr, 8);
    memcpy(key + 8, second.ptr + 4, 4);
    return str_from(key, PLACE_SIZE);
}

static int64_t index_of(struct str place)
{
    uint64_t index = 0;

    for (size_t i = 8; i < PLACE_SIZE && i < place.len; i++)
        index = index << 8 | (unsigned char)place.ptr[i];
    return (int64_t)index;
}

struct str place_text(struct arena *arena, struct str place)
{
    return arena_printf(arena, "%" PRIu64 ".%" PRId64, db_read_u64(place), index_of(place));
}

int place_parse(struct str text, struct arena *arena, struct str *ret_place, struct error *error)
{
    struct str rest = text;
    struct str first = str_split(&rest, '.');
    int64_t seq, index;

    if (!str_to_i64(first, &seq) || !str_to_i64(rest, &index) || seq < 0 || index < 0 ||
        index > UINT32_MAX)
        return error_set(error,
                         "'" STR_FMT "' is not a place in the journal: write it as SEQ.INDEX",
                         STR_ARG(text));
    *ret_place = place_key(arena, seq, index);
    return 0;
}

static void write_anchor(struct db *db, struct str place, struct str hash)
{
    struct stored_anchor anchor = {
        .seq = (int64_t)db_read_u64(place), .index = index_of(place), .hash = hash};
    struct buf bytes = BUF_INIT;

    codec_encode(&shape_stored_anchor, &anchor, &bytes);
    db_put(db, TABLE_META, str_of(anchor_key), buf_str(&bytes));
    buf_done(&bytes);
}

/* False: there is none, or it cannot be read. */
static bool read_anchor(struct db *db, struct arena *arena, struct str *ret_place,
                        unsigned char hash[CHAIN_HASH_SIZE])
{
    struct stored_anchor anchor;
    struct error error;
    struct str bytes;

    memset(hash, 0, CHAIN_HASH_SIZE);
    *ret_place = place_key(arena, 0, 0);
    if (!db_get(db, TABLE_META, str_of(anchor_key), arena, &bytes) ||
        codec_decode(&shape_stored_anchor, bytes, arena, &anchor, &error) < 0 ||
        anchor.hash.len != CHAIN_HASH_SIZE)
        return false;
    *ret_place = place_key(arena, anchor.seq, anchor.index);
    memcpy(hash, anchor.hash.ptr, CHAIN_HASH_SIZE);
    return true;
}

static bool last_row(struct db *db, struct arena *arena, struct str *ret_place, struct str *ret_row)
{
    struct db_cursor cursor = db_descend(db, TABLE_JOURNAL, STR_NONE);
    struct str key, value;
    bool found = db_step(&cursor, &key, &value);

    if (found) {
        *ret_place = arena_str(arena, key);
        *ret_row = arena_str(arena, value);
    }
    db_cursor_done(&cursor);
    return found;
}

static bool read_row(struct str bytes, struct arena *arena, struct stored_entry *ret)
{
    struct error error;

    return codec_decode(&shape_stored_entry, bytes, arena, ret, &error) == 0 &&
           ret->sealed.len > 0 && ret->hash.len == CHAIN_HASH_SIZE;
}

void chain_begin(struct db *db)
{
    static const char zeros[CHAIN_HASH_SIZE];
    struct arena arena = ARENA_INIT;
    struct str place, row;

    if (!db_has(db, TABLE_META, str_of(anchor_key)) && !last_row(db, &arena, &place, &row))
        write_anchor(db, place_key(&arena, 0, 0), str_from(zeros, sizeof(zeros)));
    arena_done(&arena);
}

bool chain_head(struct db *db, struct arena *arena, struct str *ret_place,
                unsigned char ret_hash[CHAIN_HASH_SIZE])
{
    struct stored_entry entry;
    struct str row;

    if (!last_row(db, arena, ret_place, &row) || !read_row(row, arena, &entry))
        return false;
    memcpy(ret_hash, entry.hash.ptr, CHAIN_HASH_SIZE);
    return true;
}

/* The hash that the change's next entry follows. */
static void find_head(struct change *change)
{
    struct str place;

    if (change->head.known)
        return;
    change->head.known = true;
    if (!chain_head(change->db, &change->arena, &place, change->head.hash))
        read_anchor(change->db, &change->arena, &place, change->head.hash);
}

static void digest_words(struct str salt, struct str words, unsigned char digest[CHAIN_HASH_SIZE])
{
    struct buf bytes = BUF_INIT;

    buf_reserve(&bytes, salt.len + words.len);
    buf_append_str(&bytes, salt);
    buf_append_str(&bytes, words);
    crypto_sha256(buf_str(&bytes), digest);
    buf_done(&bytes);
}

static void advance(unsigned char hash[CHAIN_HASH_SIZE], const unsigned char *words_digest,
                    struct str sealed)
{
    struct buf bytes = BUF_INIT;

    buf_reserve(&bytes, CHAIN_HASH_SIZE + CHAIN_HASH_SIZE + sealed.len);
    buf_append(&bytes, hash, CHAIN_HASH_SIZE);
    buf_append(&bytes, words_digest, CHAIN_HASH_SIZE);
    buf_append_str(&bytes, sealed);
    crypto_sha256(buf_str(&bytes), hash);
    buf_done(&bytes);
}

static struct str take_salt(struct change *change)
{
    if (change->salts.left == 0) {
        crypto_random(change->salts.bytes, sizeof(change->salts.bytes));
        change->salts.left = SALTS_AT_ONCE;
    }
    return str_from(change->salts.bytes + --change->salts.left * SALT_SIZE, SALT_SIZE);
}

void chain_seal(struct change *change, const struct journal_entry *entry, struct buf *out)
{
    struct stored_words words = {
        .author = entry->author, .change = entry->change, .handle = entry->handle};
    struct journal_entry rest = *entry;
    struct buf sealed = BUF_INIT, spoken = BUF_INIT;
    unsigned char digest[CHAIN_HASH_SIZE];
    struct str salt = take_salt(change);

    rest.author = rest.change = rest.handle = STR_NONE;
    codec_encode(&shape_journal_entry, &rest, &sealed);
    codec_encode(&shape_stored_words, &words, &spoken);
    find_head(change);
    digest_words(salt, buf_str(&spoken), digest);
    advance(change->head.hash, digest, buf_str(&sealed));
    struct stored_entry row = {.sealed = buf_str(&sealed),
                               .salt = salt,
                               .words = buf_str(&spoken),
                               .hash = str_from(change->head.hash, CHAIN_HASH_SIZE)};
    codec_encode(&shape_stored_entry, &row, out);
    buf_done(&sealed);
    buf_done(&spoken);
}

bool chain_open(struct str row, struct arena *arena, struct journal_entry *ret)
{
    struct stored_entry stored;
    struct stored_words words = {.author = STR_NONE};
    struct error error = {.text = "it is not chained"};

    if (!read_row(row, arena, &stored) ||
        codec_decode(&shape_journal_entry, stored.sealed, arena, ret, &error) < 0 ||
        (stored.words.len > 0 &&
         codec_decode(&shape_stored_words, stored.words, arena, &words, &error) < 0)) {
        log_error("an entry of the journal cannot be read; it is left out",
                  LOG_TEXT("why", error.text));
        return false;
    }
    ret->author = words.author;
    ret->change = words.change;
    ret->handle = words.handle;
    ret->erased = stored.words.len == 0;
    return true;
}

struct str chain_without_words(struct str row, struct arena *arena)
{
    unsigned char digest[CHAIN_HASH_SIZE];
    struct buf bytes = BUF_INIT;
    struct stored_entry stored;

    if (!read_row(row, arena, &stored) || stored.words.len == 0)
        return STR_NONE;
    digest_words(stored.salt, stored.words, digest);
    stored.salt = stored.words = STR_NONE;
    stored.words_digest = str_from(digest, sizeof(digest));
    codec_encode(&shape_stored_entry, &stored, &bytes);
    struct str without = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    return without;
}

void chain_move_anchor(struct change *change, struct str place, struct str row)
{
    struct stored_entry stored;

    if (read_row(row, &change->arena, &stored))
        write_anchor(change->db, place, stored.hash);
}

/* A walk along the chain. */
struct proof {
    struct arena *arena;
    struct journal_verify_result *result;
    struct str begins_after;
    unsigned char hash[CHAIN_HASH_SIZE]; /* of the entry before */
    int64_t seq, index;                  /* its place */
};

static void broken(struct proof *proof, struct str place, const char *problem)
{
    struct chain_break_list *breaks = &proof->result->breaks;

    if (breaks->count == BREAKS_MAX)
        return;
    if (!breaks->items)
        breaks->items = arena_alloc_array(proof->arena, BREAKS_MAX, sizeof(*breaks->items));
    breaks->items[breaks->count++] =
        (struct chain_break){.at = place_text(proof->arena, place), .problem = str_of(problem)};
}

static bool follows(const struct proof *proof, int64_t seq, int64_t index)
{
    return (seq == proof->seq && index == proof->index + 1) ||
           (seq == proof->seq + 1 && index == 0);
}

static bool is_at(struct str sealed, int64_t seq, int64_t index, struct arena *arena)
{
    struct journal_entry entry;
    struct error error;

    return codec_decode(&shape_journal_entry, sealed, arena, &entry, &error) == 0 &&
           entry.seq == seq && entry.index == index;
}

static void prove_hash(struct proof *proof, struct str place, const struct stored_entry *stored)
{
    unsigned char digest[CHAIN_HASH_SIZE];

    if (stored->words.len > 0)
        digest_words(stored->salt, stored->words, digest);
    else if (stored->words_digest.len == CHAIN_HASH_SIZE)
        memcpy(digest, stored->words_digest.ptr, CHAIN_HASH_SIZE);
    else
        memset(digest, 0, sizeof(digest));
    advance(proof->hash, digest, stored->sealed);
    if (memcmp(proof->hash, stored->hash.ptr, CHAIN_HASH_SIZE) != 0)
        broken(proof, place, "it, or the one before, is not what was chained");
    memcpy(proof->hash, stored->hash.ptr, CHAIN_HASH_SIZE);
}

/* What is broken is reported once: the walk goes on from what the entry says of itself. */
static void prove(struct proof *proof, struct str place, struct str row, struct arena *arena)
{
    int64_t seq = (int64_t)db_read_u64(place), index = index_of(place);
    struct stored_entry stored;

    proof->result->entries++;
    if (str_compare(place, proof->begins_after) <= 0) {
        broken(proof, place, "it stands before the chain begins");
        return;
    }
    bool gap = !follows(proof, seq, index);
    proof->seq = seq;
    proof->index = index;
    if (!read_row(row, arena, &stored)) {
        broken(proof, place, "it cannot be read, or is not chained");
        return;
    }
    proof->result->erased += stored.words.len == 0;
    if (gap) {
        broken(proof, place, "entries before it are missing");
        memcpy(proof->hash, stored.hash.ptr, CHAIN_HASH_SIZE);
    } else if (!is_at(stored.sealed, seq, index, arena)) {
        broken(proof, place, "it belongs to another place");
        memcpy(proof->hash, stored.hash.ptr, CHAIN_HASH_SIZE);
    } else {
        prove_hash(proof, place, &stored);
    }
}

static int start_proof(struct proof *proof, struct db *db,
                       const struct journal_verify_params *params, struct str *ret_from,
                       struct error *error)
{
    if (!read_anchor(db, proof->arena, &proof->begins_after, proof->hash) && !params->after.len)
        broken(proof, proof->begins_after,
               "the store does not know what the chain's first entry follows");
    struct str before = proof->begins_after;
    *ret_from = STR_NONE;
    if (params->after.len > 0) {
        if (place_parse(params->after, proof->arena, ret_from, error) < 0)
            return -1;
        if (params->hash.len != CHAIN_HASH_SIZE)
            return error_set(error, "'after' needs 'hash' of the part before");
        memcpy(proof->hash, params->hash.ptr, CHAIN_HASH_SIZE);
        if (str_compare(*ret_from, before) > 0)
            before = *ret_from;
    } else {
        proof->result->begins_after = place_text(proof->arena, proof->begins_after);
    }
    proof->seq = (int64_t)db_read_u64(before);
    proof->index = index_of(before);
    return 0;
}

static void walk(struct proof *proof, struct db *db, struct str from, struct str until)
{
    struct db_cursor cursor = db_ascend(db, TABLE_JOURNAL, from);
    struct slice slice = slice_begin(SLICE_US);
    struct arena row = ARENA_INIT;
    struct str key, value;
    char last[PLACE_SIZE] = {0};

    while (!proof->result->more && db_step(&cursor, &key, &value)) {
        if (key.len != PLACE_SIZE || (from.len > 0 && str_eq(key, from)))
            continue;
        if (until.len > 0 && str_compare(key, until) > 0)
            break;
        prove(proof, key, value, &row);
        memcpy(last, key.ptr, PLACE_SIZE);
        arena_clear(&row);
        proof->result->more = slice_is_over(&slice);
    }
    db_cursor_done(&cursor);
    arena_done(&row);
    if (proof->result->entries > 0)
        proof->result->at = place_text(proof->arena, str_from(last, PLACE_SIZE));
}

int chain_verify(struct db *db, const struct journal_verify_params *params, struct arena *arena,
                 struct journal_verify_result *ret, struct error *error)
{
    struct proof proof = {.arena = arena, .result = ret};
    struct str from, until = STR_NONE;

    *ret = (struct journal_verify_result){.at = params->after};
    if (params->until.len > 0 && place_parse(params->until, arena, &until, error) < 0)
        return -1;
    if (start_proof(&proof, db, params, &from, error) < 0)
        return -1;
    walk(&proof, db, from, until);
    ret->hash = arena_str(arena, str_from(proof.hash, CHAIN_HASH_SIZE));
    return 0;
}
