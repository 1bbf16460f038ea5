/* The packed form gives back what it was given, and an answer from it is the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "proto/replica/pack.h"
#include "proto/replica/replica.h"
#include "tests/support/random.h"

static struct str characters(struct random *random, struct arena *arena, const char *prefix,
                             const char *from, size_t len)
{
    struct str text = arena_printf(arena, "%s%*s", prefix, (int)len, "");
    char *place = (char *)text.ptr + strlen(prefix);

    for (size_t i = 0; i < len; i++)
        place[i] = from[random_next(random) % strlen(from)];
    return text;
}

/* Texts of all forms, and such as nearly have one. */
static struct str any_text(struct random *random, struct arena *arena)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = (size_t)random_between(random, 0, 40);

    switch (random_between(random, 0, 11)) {
    case 0:
        return STR_NONE;
    case 1:
        return characters(random, arena, "l-", hex, 32);
    case 2:
        return characters(random, arena, "s-", hex, 16);
    case 3:
        return characters(random, arena, "", "0123456789", 12);
    case 4:
        return arena_printf(arena, "%08x-%04x-%04x-%04x-%012llx", (unsigned)random_next(random),
                            (unsigned)random_between(random, 0, 0xffff), 0x4000, 0x8000,
                            (unsigned long long)random_next(random) >> 16);
    case 5:
        return characters(random, arena, "agmt-", "abcdefghijklmnopqrstuvwxyz0123456789_Z", len);
    case 6:
        return characters(random, arena, "l-", "0123456789abcdefG", 32);
    case 7:
        return characters(random, arena, "s-", "0123456789abcdefA", 16);
    case 8:
        return characters(random, arena, "", "0123456789x", 12);
    case 9:
        return characters(random, arena, "", "0123456789abcdef-", 36);
    case 10:
        return characters(random, arena, "", "ab \xc3\xa9", (size_t)random_between(random, 0, 400));
    default:
        return characters(random, arena, "", "abAB09-_.:", len);
    }
}

static void check_text(struct str text, struct str other, void (*pack)(struct buf *, struct str))
{
    enum { SEED = 7 };
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT, others = BUF_INIT;
    struct handle handle;

    pack(&bytes, text);
    pack(&others, other);
    const unsigned char *at = (const unsigned char *)bytes.data;
    const unsigned char *end = at + bytes.len;
    assert_true(str_eq(text_unpack(&at, &arena), text));
    assert_ptr_equal(at, end);
    at = (const unsigned char *)bytes.data;
    assert_ptr_equal(text_end(at), end);
    struct str peeked;
    if (text_peek(at, &peeked)) {
        assert_true(str_eq(peeked, text));
        assert_ptr_equal(text_peek(at, &peeked), end);
    }
    assert_int_equal(str_eq(buf_str(&bytes), buf_str(&others)), str_eq(text, other));
    if (pack == text_pack && text.len > 0) {
        handle_set(&handle, text, SEED);
        at = (const unsigned char *)others.data;
        assert_int_equal(handle_matches(&handle, at), str_eq(handle_key(text), other));
        at = (const unsigned char *)bytes.data;
        assert_int_equal(handle_matches(&handle, at), str_eq(handle_key(text), text));
        if (!handle.is_spelling)
            assert_int_equal(text_hash(&at, SEED), handle.hash);
        int wanted = str_compare(text, other);
        int compared = text_compare((const unsigned char *)bytes.data, other);
        assert_int_equal((compared > 0) - (compared < 0), (wanted > 0) - (wanted < 0));
    }
    buf_done(&bytes);
    buf_done(&others);
    arena_done(&arena);
}

static void every_text_comes_back(void **state)
{
    (void)state;
    struct random random = random_seeded("every_text_comes_back");
    struct arena arena = ARENA_INIT;

    for (int i = 0; i < 20000; i++) {
        struct str text = any_text(&random, &arena);
        struct str other = random_chance(&random, 20) ? text : any_text(&random, &arena);
        check_text(text, other, text_pack);
        check_text(text, other, text_pack_tight);
        arena_clear(&arena);
    }
    arena_done(&arena);
}

static int64_t any_integer(struct random *random)
{
    switch (random_between(random, 0, 7)) {
    case 0:
        return 0;
    case 5:
        return random_between(random, 1, 2) * INT16_MAX + random_between(random, -2, 2);
    case 6:
        return -(int64_t)random_between(random, 1, 2) * INT8_MAX + random_between(random, -2, 2);
    case 7:
        return random_chance(random, 50) ? INT32_MIN - random_between(random, -1, 1)
                                         : INT32_MAX + random_between(random, -1, 1);
    case 1:
        return INT64_MIN + random_between(random, 0, 2);
    case 2:
        return INT64_MAX - random_between(random, 0, 2);
    case 3:
        return UINT32_MAX + random_between(random, -2, 2);
    case 4:
        return random_between(random, -300, 300);
    default:
        return random_between(random, 1600000000, 2000000000);
    }
}

static struct value any_value(struct random *random, struct arena *arena)
{
    switch (random_between(random, 0, 4)) {
    case 0:
        return (struct value){.kind = VALUE_INTEGER, .integer = any_integer(random)};
    case 1:
        return (struct value){.kind = VALUE_DOUBLE,
                              .number = (double)random_between(random, -100, 100) / 7};
    case 2:
        return (struct value){.kind = VALUE_BOOLEAN, .boolean = random_chance(random, 50)};
    case 3:
        return (struct value){.kind = VALUE_STRING, .string = any_text(random, arena)};
    default:
        return (struct value){.kind = VALUE_NONE};
    }
}

/* Every list of messages.def has this layout. */
struct items {
    char *items;
    size_t count;
};

static void fill(struct random *random, struct arena *arena, const struct shape *shape,
                 void *value);

static void fill_items(struct random *random, struct arena *arena, const struct field *field,
                       struct items *list)
{
    list->count = (size_t)random_between(random, 0, 5);
    list->items = arena_alloc_array(arena, list->count, field->child->size);
    for (size_t i = 0; i < list->count; i++)
        fill(random, arena, field->child, list->items + i * field->child->size);
}

static void fill_texts(struct random *random, struct arena *arena, struct str_list *list)
{
    list->count = (size_t)random_between(random, 0, 5);
    list->items = arena_alloc_array(arena, list->count, sizeof(list->items[0]));
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = any_text(random, arena);
}

static void fill_field(struct random *random, struct arena *arena, const struct field *field,
                       void *member)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        *(struct str *)member = any_text(random, arena);
        break;
    case FIELD_BOOL:
        *(bool *)member = random_chance(random, 50);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        *(int64_t *)member = any_integer(random);
        break;
    case FIELD_NUM:
        *(double *)member = (double)random_between(random, -9, 9) / 4;
        break;
    case FIELD_VALUE:
        *(struct value *)member = any_value(random, arena);
        break;
    case FIELD_CHOICE:
        *(int *)member = (int)random_between(random, 0, field->enumeration->count - 1);
        break;
    case FIELD_STRS:
    case FIELD_ENCODED:
        fill_texts(random, arena, member);
        break;
    case FIELD_ITEM:
        *(void **)member = arena_alloc(arena, field->child->size);
        fill(random, arena, field->child, *(void **)member);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        fill_items(random, arena, field, member);
        break;
    }
}

static void fill(struct random *random, struct arena *arena, const struct shape *shape, void *value)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        if (random_chance(random, 80))
            fill_field(random, arena, field, (char *)value + field->offset);
    }
}

static struct str any_arn(struct random *random, struct arena *arena,
                          const struct subscription *record)
{
    struct str key = record->license_key, account = record->account_id;

    switch (random_between(random, 0, 4)) {
    case 0:
        return arena_printf(arena, "arn:aws:license-manager::" STR_FMT ":license:" STR_FMT,
                            STR_ARG(account), STR_ARG(key));
    case 1:
        return arena_printf(arena, "arn:aws:license-manager::555566667777:license:" STR_FMT,
                            STR_ARG(key));
    case 2:
        return arena_printf(arena, STR_FMT STR_FMT, STR_ARG(any_text(random, arena)), STR_ARG(key));
    default:
        return record->license_arn;
    }
}

/* As the entitlements of one agreement do. */
static void let_some_end_together(struct random *random, struct entitlement_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (random_chance(random, 50))
            list->items[i].expires_at = list->items[i - 1].expires_at;
    }
}

static void any_record_comes_back(void **state)
{
    (void)state;
    struct random random = random_seeded("any_record_comes_back");
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT;
    struct words words;

    words_init(&words);
    for (int i = 0; i < 20000; i++) {
        struct subscription before = {0}, after;
        struct override override_before = {0}, override_after;

        fill(&random, &arena, &shape_subscription, &before);
        before.license_arn = any_arn(&random, &arena, &before);
        let_some_end_together(&random, &before.entitlements);
        pack_subscription(&words, &before, &bytes);
        unpack_subscription(&words, (unsigned char *)bytes.data, &arena, &after);
        assert_true(codec_equal(&shape_subscription, &before, &after));
        assert_int_equal(before.version, packed_version((unsigned char *)bytes.data));
        fill(&random, &arena, &shape_override, &override_before);
        pack_override(&words, &override_before, &bytes);
        unpack_override(&words, (unsigned char *)bytes.data, &arena, &override_after);
        assert_true(codec_equal(&shape_override, &override_before, &override_after));
        arena_clear(&arena);
    }
    words_done(&words);
    buf_done(&bytes);
    arena_done(&arena);
}

/* What nearly every record of a contract product has takes two cache lines; a few bytes more would
 * take 32. */
static void a_usual_record_takes_two_cache_lines(void **state)
{
    (void)state;
    enum { UPDATED_AT = 1790000000, SEQ = 20000000 };
    struct entitlement items[] = {
        {STR("seats"), {.kind = VALUE_INTEGER, .integer = 1000000}, UPDATED_AT + 31536000},
        {STR("storage_tb"), {.kind = VALUE_INTEGER, .integer = 5}, UPDATED_AT + 31536000},
    };
    const struct subscription record = {
        .id = STR("s-0011223344556677"),
        .version = SEQ,
        .seq = SEQ,
        .product_code = STR("4exampleproductcode0000001"),
        .account_id = STR("012345678901"),
        .license_key = STR("l-00112233445566778899aabbccddeeff"),
        .license_arn =
            STR("arn:aws:license-manager::294406891311:license:l-00112233445566778899aabbccddeeff"),
        .agreement_id = STR("agmt-1234567890abcdefghijklmno"),
        .offer_id = STR("offer-abcdefghijklm"),
        .tenant = STR("tenant-00000000"),
        .registered_at = UPDATED_AT,
        .entitlements = {items, 2},
        .verified_at = UPDATED_AT,
        .created_at = UPDATED_AT,
        .updated_at = UPDATED_AT,
    };
    struct buf bytes = BUF_INIT;
    struct words words;

    words_init(&words);
    pack_subscription(&words, &record, &bytes);
    assert_in_range(bytes.len, 1, 128);
    words_done(&words);
    buf_done(&bytes);
}

static void a_record_as_large_as_the_codec_takes_comes_back(void **state)
{
    (void)state;
    enum { ALIASES = 64, ALIAS_LEN = 1200, ENTITLEMENTS = 1000 };
    struct random random = random_seeded("a_record_as_large_as_the_codec_takes_comes_back");
    struct arena arena = ARENA_INIT;
    struct replica *replica = replica_new();
    struct str aliases[ALIASES];
    struct entitlement items[ENTITLEMENTS];
    struct subscription record = {.id = STR("s1"),
                                  .version = 1,
                                  .aliases = {aliases, ALIASES},
                                  .entitlements = {items, ENTITLEMENTS}};

    for (int i = 0; i < ALIASES; i++)
        aliases[i] = characters(&random, &arena, "", "abcdefgh", ALIAS_LEN);
    for (int i = 0; i < ENTITLEMENTS; i++) {
        items[i] = (struct entitlement){
            .dimension = characters(&random, &arena, "", "abcdefgh", 255),
            .value = {.kind = VALUE_STRING,
                      .string = characters(&random, &arena, "", "abcdefgh", 4096)}};
    }
    for (int64_t version = 1; version < 5; version++) {
        record.version = version;
        replica_put(replica, &record);
        assert_true(
            codec_equal(&shape_subscription, &record, replica_next(replica, STR_NONE, &arena)));
    }
    replica_put(replica, &(struct subscription){.id = STR("s1"), .version = 5});
    assert_int_equal(replica_next(replica, STR_NONE, &arena)->aliases.count, 0);
    replica_free(replica);
    arena_done(&arena);
}

static void too_many_words_are_kept_all_the_same(void **state)
{
    (void)state;
    enum { DIMENSIONS = WORDS_PER_BLOCK * WORD_BLOCKS + 10 };
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT;
    struct words words;

    words_init(&words);
    for (int i = 0; i < DIMENSIONS; i++) {
        struct entitlement item = {.dimension = arena_printf(&arena, "dimension-%d", i)};
        struct subscription before = {.id = STR("s1"), .entitlements = {&item, 1}}, after;

        pack_subscription(&words, &before, &bytes);
        unpack_subscription(&words, (unsigned char *)bytes.data, &arena, &after);
        assert_true(str_eq(after.entitlements.items[0].dimension, item.dimension));
        arena_clear(&arena);
    }
    words_done(&words);
    buf_done(&bytes);
    arena_done(&arena);
}

/* A small world in which records share handles and dimensions, so that questions find something. */
enum { NOW = 1800000000, DAY = 86400 };

static struct str one_of(struct random *random, const char *const *texts, int count)
{
    return str_of(texts[random_between(random, 0, count - 1)]);
}

static struct str any_handle(struct random *random)
{
    static const char *const handles[] = {
        "acme",
        "s1",
        "s2",
        "s-00112233445566aa",
        "012345678901",
        "l-00112233445566778899aabbccddeeff",
        "arn:aws:license-manager::012345678901:license:l-00112233445566778899aabbccddeeff",
        "aws:license-manager:us-east-1:012345678901:l-00112233445566778899aabbccddeeff",
        "l-odd",
        "arn:of:something:else",
        "",
        "0b9c6e0e-5b1e-4c7a-8d5e-6f1a2b3c4d5e",
    };

    return one_of(random, handles, sizeof(handles) / sizeof(handles[0]));
}

static struct str any_dimension(struct random *random)
{
    static const char *const dimensions[] = {"seats", "tier", "other", ""};

    return one_of(random, dimensions, 4);
}

static int64_t any_date(struct random *random)
{
    return random_chance(random, 20) ? 0 : NOW + random_between(random, -40, 40) * (DAY / 8);
}

/* Often one that may just be enough. */
static struct value near_quantity(struct random *random, struct arena *arena)
{
    if (random_chance(random, 30))
        return any_value(random, arena);
    return (struct value){.kind = VALUE_INTEGER, .integer = random_between(random, -1, 30)};
}

static struct str any_id(struct random *random)
{
    static const char *const ids[] = {"s1", "s2", "s3", "s-00112233445566aa"};

    return one_of(random, ids, 4);
}

static void put_any_record(struct random *random, struct arena *arena, struct replica *replica,
                           int64_t version)
{
    static const char *const products[] = {"p1", "p1", "p1", "p2"};
    struct entitlement items[4];
    struct str alias = any_handle(random);
    struct evidence evidence = {.empty_at = random_chance(random, 50) ? any_date(random) : 0,
                                .empty_again_at = random_chance(random, 50) ? any_date(random) : 0,
                                .notice = (enum notice)random_between(random, 0, 2),
                                .listed_at = any_date(random)};
    int odd = random_chance(random, 50) ? 10 : 0;
    struct subscription record = {
        .id = any_id(random),
        .version = version,
        .product_code = one_of(random, products, 4),
        .tenant = random_chance(random, odd * 2) ? any_handle(random) : STR("acme"),
        .account_id = random_chance(random, odd * 2) ? any_handle(random) : STR("012345678901"),
        .license_arn = random_chance(random, odd * 2) ? any_handle(random) : STR_NONE,
        .aliases = {&alias, random_chance(random, odd) ? 1 : 0},
        .entitlements = {items,
                         (size_t)random_between(random, 0, random_chance(random, 50) ? 1 : 4)},
        .verified_at = any_date(random),
        .evidence = random_chance(random, odd * 2) ? &evidence : NULL,
        .payment_failed_at = random_chance(random, odd / 2) ? any_date(random) : 0,
        .successor = random_chance(random, odd) ? any_id(random) : STR_NONE,
    };

    record.license_key =
        random_chance(random, 90) ? license_key(record.license_arn) : any_handle(random);
    for (size_t i = 0; i < record.entitlements.count; i++)
        items[i] = (struct entitlement){any_dimension(random), near_quantity(random, arena),
                                        any_date(random)};
    let_some_end_together(random, &record.entitlements);
    replica_put(replica, &record);
}

static void put_any_override(struct random *random, struct arena *arena, struct replica *replica)
{
    static const char *const ids[] = {"o1", "o2"};
    struct override override = {
        .id = one_of(random, ids, 2),
        .handle = any_handle(random),
        .dimension = any_dimension(random),
        .action = (enum override_action)random_between(random, 0, 3),
        .value = any_value(random, arena),
        .expires_at = any_date(random),
        .created_at = any_date(random),
    };

    if (random_chance(random, 50))
        replica_put_override(replica, &override);
    else
        replica_remove_override(replica, override.id);
}

/* What an answer depends on beside question and records. */
struct deciding {
    struct replica_guidance guidance;
    int64_t now_s;
};

static struct deciding by_default(void)
{
    static struct product_page pages[] = {{STR_INIT("p1"), STR_INIT("https://one")},
                                          {STR_INIT("p2"), STR_INIT("https://two")}};

    return (struct deciding){{policy_default, {pages, 2}}, NOW};
}

/* Any times, often the very seconds at which an answer changes. */
static struct deciding by_any(struct random *random)
{
    struct deciding by = by_default();

    by.guidance.policy.stale_after_s = random_between(random, 0, 8) * (DAY / 8);
    by.guidance.policy.grace_s = random_between(random, 0, 4) * (DAY / 8);
    by.guidance.policy.settling_s = random_between(random, 0, 2) * (DAY / 8);
    by.now_s += random_between(random, -8, 8) * (DAY / 8) + random_between(random, -1, 1);
    return by;
}

static void encode(enum rpc_error code, const struct error *error, const struct answer *answer,
                   struct buf *out)
{
    buf_clear(out);
    if (code != ERROR_NONE)
        buf_append_text(out, error->text);
    else
        codec_encode(&shape_answer, answer, out);
}

static void encode_answer(const struct deciding *by, const struct decide_question *question,
                          const struct decide_facts *facts, struct arena *arena, struct buf *out)
{
    struct answer answer;
    struct error error = {""};
    enum rpc_error code =
        decide(question, facts, &by->guidance.policy, by->now_s, arena, &answer, &error);

    answer.subscribe_url = decide_subscribe_url(
        &answer, question, facts, by->guidance.products.items, by->guidance.products.count);
    encode(code, &error, &answer, out);
}

/* Returns whether it was answered without finding facts. */
static bool encode_replica_answer(const struct deciding *by, struct replica_lookup *lookup,
                                  struct buf *out)
{
    struct arena arena = ARENA_INIT;
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error = {""};
    enum rpc_error code =
        replica_answer(lookup, &by->guidance, by->now_s, &arena, id, &answer, &error);
    bool is_plain = code == ERROR_NONE && answer.allow && arena_size(&arena) == 0;

    encode(code, &error, &answer, out);
    arena_done(&arena);
    return is_plain;
}

/* Whether something was left packed. */
static bool is_lean(const struct decide_facts *whole, const struct decide_facts *lean)
{
    return whole->subscription_count > 0 && whole->subscriptions[0]->account_id.len > 0 &&
           lean->subscriptions[0]->account_id.len == 0;
}

static struct decide_question any_question(struct random *random)
{
    return (struct decide_question){
        .handle = random_chance(random, 50) ? STR("acme") : any_handle(random),
        .dimension = random_chance(random, 50) ? STR("seats") : any_dimension(random),
        .quantity = (double)random_between(random, -2, 30) / 2,
        .product = random_chance(random, 70) ? STR_NONE : STR("p1"),
        .license = random_chance(random, 80) ? STR_NONE : any_handle(random),
        .max_age_ms =
            random_chance(random, 50) ? 0 : random_between(random, 1, 8) * (DAY / 8) * 1000,
    };
}

struct ways {
    int lean, plain;
};

static void ask_all_ways(struct random *random, struct replica_reader *reader, struct arena *arena,
                         struct ways *ways)
{
    struct decide_question question = any_question(random);
    const struct deciding by = by_any(random);
    struct decide_facts whole, lean;
    struct replica_lookup lookup;
    struct buf wanted = BUF_INIT, got = BUF_INIT;

    replica_read_begin(reader);
    replica_find(reader, question.handle, arena, &whole);
    encode_answer(&by, &question, &whole, arena, &wanted);
    replica_find_for(reader, &question, arena, &lean);
    encode_answer(&by, &question, &lean, arena, &got);
    assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    ways->lean += is_lean(&whole, &lean);
    replica_seek(reader, &question, &lookup);
    replica_fetch(&lookup);
    ways->plain += encode_replica_answer(&by, &lookup, &got);
    assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    replica_read_end(reader);
    buf_done(&wanted);
    buf_done(&got);
}

static void the_short_ways_give_the_same_answer(void **state)
{
    (void)state;
    struct random random = random_seeded("the_short_ways_give_the_same_answer");
    struct arena arena = ARENA_INIT;
    struct replica *replica = replica_new();
    struct replica_reader *reader = replica_reader_new(replica);
    struct ways ways = {0, 0};

    for (int i = 1; i < 100000; i++) {
        if (random_chance(&random, 15))
            replica_clear(replica);
        if (random_chance(&random, 30))
            put_any_record(&random, &arena, replica, i);
        if (random_chance(&random, 1))
            put_any_override(&random, &arena, replica);
        if (random_chance(&random, 2))
            replica_remove(replica, any_id(&random));
        ask_all_ways(&random, reader, &arena, &ways);
        arena_clear(&arena);
    }
    assert_true(ways.lean > 1000);
    assert_true(ways.plain > 300);
    replica_reader_free(reader);
    replica_free(replica);
    arena_done(&arena);
}

static void ask_in_stages(struct random *random, struct replica_reader *reader, struct arena *arena)
{
    enum { QUESTIONS = 5 };
    const struct deciding by = by_default();
    struct decide_question questions[QUESTIONS];
    struct replica_lookup lookups[QUESTIONS];
    struct buf wanted = BUF_INIT, got = BUF_INIT;
    struct decide_facts facts;

    replica_read_begin(reader);
    for (int i = 0; i < QUESTIONS; i++) {
        questions[i] = any_question(random);
        replica_seek(reader, &questions[i], &lookups[i]);
    }
    for (int i = 0; i < QUESTIONS; i++)
        replica_fetch(&lookups[i]);
    for (int i = 0; i < QUESTIONS; i++) {
        encode_replica_answer(&by, &lookups[i], &got);
        replica_find(reader, questions[i].handle, arena, &facts);
        encode_answer(&by, &questions[i], &facts, arena, &wanted);
        assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    }
    replica_read_end(reader);
    buf_done(&wanted);
    buf_done(&got);
}

static void many_questions_in_stages_get_the_same_answers(void **state)
{
    (void)state;
    struct random random = random_seeded("many_questions_in_stages_get_the_same_answers");
    struct arena arena = ARENA_INIT;
    struct replica *replica = replica_new();
    struct replica_reader *reader = replica_reader_new(replica);

    for (int i = 1; i < 10000; i++) {
        put_any_record(&random, &arena, replica, i);
        if (random_chance(&random, 1))
            put_any_override(&random, &arena, replica);
        ask_in_stages(&random, reader, &arena);
        arena_clear(&arena);
    }
    replica_reader_free(reader);
    replica_free(replica);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(any_record_comes_back),
        cmocka_unit_test(a_usual_record_takes_two_cache_lines),
        cmocka_unit_test(a_record_as_large_as_the_codec_takes_comes_back),
        cmocka_unit_test(too_many_words_are_kept_all_the_same),
        cmocka_unit_test(the_short_ways_give_the_same_answer),
        cmocka_unit_test(many_questions_in_stages_get_the_same_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
