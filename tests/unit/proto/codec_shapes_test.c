/* Each shape's encoder against the table of the same rows, and its decoder with pairs in any order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/codec/token.h"
#include "proto/codec/write.h"
#include "proto/field.h"
#include "tests/support/random_message.h"

enum { ROUNDS = 40 };

/* What the table says a member is on the wire. */

static void put_map_by_table(struct buf *out, const struct shape *shape, const void *value);

static void append(struct buf *out, unsigned char *(*put)(unsigned char *at, size_t), size_t count)
{
    write_end(out, put(write_begin(out, HEAD_ROOM), count));
}

static void append_text(struct buf *out, struct str text)
{
    write_end(out, put_text(write_begin(out, HEAD_ROOM + text.len), text));
}

static void append_list(struct buf *out, const struct field *field, const struct any_list *list);

static void append_number(struct buf *out, const struct field *field, const void *member)
{
    unsigned char *at = write_begin(out, HEAD_ROOM);

    if (field->kind == FIELD_BOOL)
        at = put_boolean(at, *(const bool *)member);
    else if (field->kind == FIELD_NUM)
        at = put_number(at, *(const double *)member);
    else
        at = put_integer(at, *(const int64_t *)member);
    write_end(out, at);
}

static void append_bytes(struct buf *out, const struct field *field, const void *member)
{
    const struct str *text = member;
    const struct value *value = member;

    if (field->kind == FIELD_VALUE)
        write_end(out, put_value(write_begin(out, room_of_value(value)), value));
    else if (field->kind == FIELD_BIN)
        write_end(out, put_binary(write_begin(out, HEAD_ROOM + text->len), *text));
    else if (field->kind == FIELD_CHOICE)
        append_text(out, str_of(choice_text(field->enumeration, *(const int *)member)));
    else
        append_text(out, *text);
}

static void append_member(struct buf *out, const struct field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
    case FIELD_VALUE:
    case FIELD_CHOICE:
        append_bytes(out, field, member);
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_NUM:
        append_number(out, field, member);
        break;
    case FIELD_ITEM:
        if (*(void *const *)member)
            put_map_by_table(out, field->child, *(void *const *)member);
        else
            buf_append_char(out, (char)0xc0);
        break;
    case FIELD_STRS:
    case FIELD_LIST:
    case FIELD_ROWS:
    case FIELD_ENCODED:
        append_list(out, field, member);
        break;
    }
}

static bool is_present(const struct field *field, const void *member)
{
    if (field->need == REQUIRED)
        return true;
    if (field->kind == FIELD_INT)
        return *(const int64_t *)member != (int64_t)field->fallback;
    if (field->kind == FIELD_NUM)
        return *(const double *)member != field->fallback;
    return field_is_set(field, member);
}

/* Positional, up to the last that is present. */
static void append_row(struct buf *out, const struct shape *shape, const char *value)
{
    const struct field *positional[SHAPE_FIELDS_MAX];
    size_t count = 0, present = 0;

    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].need == OPTION)
            continue;
        positional[count++] = &shape->fields[i];
        if (is_present(&shape->fields[i], value + shape->fields[i].offset))
            present = count;
    }
    append(out, put_array, present);
    for (size_t i = 0; i < present; i++)
        append_member(out, positional[i], value + positional[i]->offset);
}

static void append_list(struct buf *out, const struct field *field, const struct any_list *list)
{
    append(out, put_array, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items + i * (field->child ? field->child->size : 0);
        const struct str *text = (const struct str *)(const void *)list->items + i;
        if (field->kind == FIELD_STRS)
            append_text(out, *text);
        else if (field->kind == FIELD_ENCODED)
            buf_append_str(out, *text);
        else if (field->kind == FIELD_ROWS)
            append_row(out, field->child, item);
        else
            put_map_by_table(out, field->child, item);
    }
}

static void put_map_by_table(struct buf *out, const struct shape *shape, const void *value)
{
    size_t count = 0;

    for (size_t i = 0; i < shape->field_count; i++)
        count += is_present(&shape->fields[i], (const char *)value + shape->fields[i].offset);
    append(out, put_map, count);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        const char *member = (const char *)value + field->offset;
        if (!is_present(field, member))
            continue;
        append_text(out, str_of(field->name));
        append_member(out, field, member);
    }
}

struct sample {
    struct arena arena;
    void *value;
    struct buf bytes;
};

static struct sample sample_of(const struct shape *shape)
{
    struct sample sample = {.arena = ARENA_INIT};

    sample.value = arena_alloc(&sample.arena, shape->size);
    random_message(shape, &sample.arena, sample.value, 3);
    codec_encode(shape, sample.value, &sample.bytes);
    return sample;
}

static void sample_done(struct sample *sample)
{
    buf_done(&sample->bytes);
    arena_done(&sample->arena);
}

static void every_encoder_writes_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count * ROUNDS; i++) {
        const struct shape *shape = shapes[i % shape_count];
        struct sample sample = sample_of(shape);
        struct buf by_table = BUF_INIT;

        put_map_by_table(&by_table, shape, sample.value);
        if (!str_eq(buf_str(&sample.bytes), buf_str(&by_table)))
            fail_msg("%s", shape->name);
        buf_done(&by_table);
        sample_done(&sample);
    }
}

/* The pairs of a map, each with its key and value as bytes. */
static size_t split_pairs(struct str map, struct str pairs[SHAPE_FIELDS_MAX])
{
    const unsigned char *begin = (const unsigned char *)map.ptr;
    struct input input = {begin, begin + map.len};
    struct token head;

    assert_true(token_next(&input, &head));
    assert_int_equal(head.kind, TOKEN_MAP);
    for (size_t i = 0; i < head.count; i++) {
        begin = input.at;
        assert_true(token_skip(&input) && token_skip(&input));
        pairs[i] = str_from(begin, (size_t)(input.at - begin));
    }
    return head.count;
}

static void shuffle(struct str *pairs, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below((unsigned)i);
        struct str other = pairs[i - 1];
        pairs[i - 1] = pairs[j];
        pairs[j] = other;
    }
}

/* Decodes the pairs as one map, with `more` behind them: the same value comes back. */
static void assert_read(const struct shape *shape, const struct sample *sample,
                        const struct str *pairs, size_t count, struct str more, size_t more_count)
{
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT;
    struct error error = {""};
    void *after = arena_alloc(&arena, shape->size);

    append(&bytes, put_map, count + more_count);
    for (size_t i = 0; i < count; i++)
        buf_append_str(&bytes, pairs[i]);
    buf_append_str(&bytes, more);
    if (codec_decode(shape, buf_str(&bytes), &arena, after, &error) < 0)
        fail_msg("%s: %s", shape->name, error.text);
    assert_true(codec_equal(shape, sample->value, after));
    buf_done(&bytes);
    arena_done(&arena);
}

static void pairs_are_read_in_any_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count * ROUNDS; i++) {
        const struct shape *shape = shapes[i % shape_count];
        struct sample sample = sample_of(shape);
        struct str pairs[SHAPE_FIELDS_MAX];
        size_t count = split_pairs(buf_str(&sample.bytes), pairs);

        shuffle(pairs, count);
        assert_read(shape, &sample, pairs, count, STR_NONE, 0);
        sample_done(&sample);
    }
}

static void of_pairs_with_one_key_the_first_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count * ROUNDS; i++) {
        const struct shape *shape = shapes[i % shape_count];
        struct sample sample = sample_of(shape), other = sample_of(shape);
        struct str pairs[SHAPE_FIELDS_MAX], again[SHAPE_FIELDS_MAX];
        size_t count = split_pairs(buf_str(&sample.bytes), pairs);
        size_t again_count = split_pairs(buf_str(&other.bytes), again);

        /* Of the other's, those with a key that was met. */
        for (size_t j = 0; j < again_count; j++) {
            const char *key = again[j].ptr;
            size_t len = 1 + ((unsigned char)key[0] & 0x1f);
            for (size_t k = 0; k < count; k++) {
                if (memcmp(pairs[k].ptr, key, len) == 0)
                    assert_read(shape, &sample, pairs, count, again[j], 1);
            }
        }
        sample_done(&other);
        sample_done(&sample);
    }
}

static void unknown_pairs_are_passed_wherever_they_stand(void **state)
{
    (void)state;
    /* "zz": {1: [2]}, and a key that is no text */
    static const char *const unknown[] = {"\xa2zz\x81\x01\x91\x02", "\x05\xc3"};
    static const size_t sizes[] = {7, 2};

    for (size_t i = 0; i < shape_count * ROUNDS; i++) {
        const struct shape *shape = shapes[i % shape_count];
        struct sample sample = sample_of(shape);
        struct str pairs[SHAPE_FIELDS_MAX + 2];
        size_t count = split_pairs(buf_str(&sample.bytes), pairs);

        for (size_t j = 0; j < 2; j++)
            pairs[count++] = str_from(unknown[j], sizes[j]);
        shuffle(pairs, count);
        assert_read(shape, &sample, pairs, count, STR_NONE, 0);
        sample_done(&sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoder_writes_what_the_table_says),
        cmocka_unit_test(pairs_are_read_in_any_order),
        cmocka_unit_test(of_pairs_with_one_key_the_first_counts),
        cmocka_unit_test(unknown_pairs_are_passed_wherever_they_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
