/* Records in the form in which a replica keeps them, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "proto/replica/pack.h"
#include "proto/replica/replica.h"
#include "tests/support/packed_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(any_record_comes_back),
        cmocka_unit_test(a_usual_record_takes_two_cache_lines),
        cmocka_unit_test(a_record_as_large_as_the_codec_takes_comes_back),
        cmocka_unit_test(too_many_words_are_kept_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
