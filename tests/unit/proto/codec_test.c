/* Messages to bytes and back, whole, damaged or foreign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/support/random_message.h"

static void every_shape_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count; i++) {
        for (int round = 0; round < 50; round++) {
            struct arena arena = ARENA_INIT;
            struct buf bytes = BUF_INIT;
            struct error error = {""};
            void *before = arena_alloc(&arena, shapes[i]->size);
            void *after = arena_alloc(&arena, shapes[i]->size);

            random_message(shapes[i], &arena, before, 3);
            codec_encode(shapes[i], before, &bytes);
            if (codec_decode(shapes[i], buf_str(&bytes), &arena, after, &error) < 0)
                fail_msg("%s: %s", shapes[i]->name, error.text);
            assert_true(codec_equal(shapes[i], before, after));
            buf_done(&bytes);
            arena_done(&arena);
        }
    }
}

static void every_method_carries_its_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        for (int round = 0; round < 50; round++) {
            struct arena arena = ARENA_INIT;
            struct buf bytes = BUF_INIT;
            struct error error = {""};
            struct frame frame;
            const struct shape *shape = methods[i].params;
            const struct call_options options = {.timeout_ms = random_below(2) ? 1500 : 0,
                                                 .trace = random_below(2) ? STR("t-1") : STR_NONE};
            void *before = arena_alloc(&arena, shape->size);
            void *after = arena_alloc(&arena, shape->size);

            random_message(shape, &arena, before, 3);
            codec_write_request(&bytes, 77, methods[i].name, shape, before, &options);
            assert_int_equal(codec_open_frame(buf_str(&bytes), &frame, &error), 0);
            assert_int_equal(frame.type, FRAME_REQUEST);
            assert_int_equal(frame.msgid, 77);
            assert_true(str_eq_text(frame.method, methods[i].name));
            if (codec_read_params(&frame, shape, &arena, after, &error) < 0)
                fail_msg("%s: %s", methods[i].name, error.text);
            assert_int_equal(frame.options.timeout_ms, options.timeout_ms);
            assert_true(str_eq(frame.options.trace, options.trace));
            assert_true(codec_equal(shape, before, after));
            buf_done(&bytes);
            arena_done(&arena);
        }
    }
}

/* Reads `bytes` in every way there is; what matters is that it comes back. */
static void read_everything(struct str bytes)
{
    for (size_t i = 0; i < shape_count; i++) {
        struct arena arena = ARENA_INIT;
        struct error error = {""};
        struct frame frame;
        void *value = arena_alloc(&arena, shapes[i]->size);

        if (codec_decode(shapes[i], bytes, &arena, value, &error) < 0)
            assert_true(error.text[0] != '\0');
        if (codec_open_frame(bytes, &frame, &error) == 0) {
            if (frame.type == FRAME_RESPONSE)
                codec_read_result(&frame, shapes[i], &arena, value, &error);
            else
                codec_read_params(&frame, shapes[i], &arena, value, &error);
        }
        arena_done(&arena);
    }
}

static void damaged_bytes_are_refused_or_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count; i++) {
        struct arena arena = ARENA_INIT;
        struct buf bytes = BUF_INIT;
        void *value = arena_alloc(&arena, shapes[i]->size);

        random_message(shapes[i], &arena, value, 2);
        codec_write_request(&bytes, 1, "check", shapes[i], value, NULL);
        for (int round = 0; round < 20; round++) {
            char *copy = mem_alloc(bytes.len);
            size_t len = 1 + random_below((unsigned)bytes.len);
            memcpy(copy, bytes.data, len);
            for (int flips = (int)random_below(4); flips > 0; flips--)
                copy[random_below((unsigned)len)] = (char)random_below(256);
            read_everything(str_from(copy, len));
            mem_free(copy);
        }
        buf_done(&bytes);
        arena_done(&arena);
    }
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\xdd\xff\xff\xff\xff", 5}, /* array of 2^32-1 */
        {"\xdf\xff\xff\xff\xff", 5}, /* map of 2^32-1 */
        {"\xdc\xff\xff\x00", 4},
        {"\xdb\xff\xff\xff\xff", 5},
        {"\xc6\xff\xff\xff\xff", 5},
        {"\xc9\xff\xff\xff\xff", 5},
        {"\x94\x00\x01\xa1", 4},
        {"\xc1", 1},
        {"", 0},
        {"\x90\x90", 2},
        {"\x92\xdd\x80\x00\x00\x00\xdd\x80\x00\x00\x00", 11},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = ARENA_INIT;
        struct error error = {""};
        struct frame frame;

        assert_int_equal(codec_open_frame(str_from(cases[i].bytes, cases[i].len), &frame, &error),
                         -1);
        assert_true(error.text[0] != '\0');
        arena_done(&arena);
    }
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char bytes[1000];
    struct arena arena = ARENA_INIT;
    struct error error = {""};
    struct frame frame;

    memset(bytes, 0x91, sizeof(bytes) - 1);
    bytes[sizeof(bytes) - 1] = 0;
    assert_int_equal(codec_open_frame(str_from(bytes, sizeof(bytes)), &frame, &error), -1);
    arena_done(&arena);
}

/* [0, 1, "check", params], params given as MessagePack text. */
static int read_check(const char *params, size_t len, struct arena *arena,
                      struct check_params *ret_check, struct error *error)
{
    struct buf bytes = BUF_INIT;
    struct frame frame;
    int result;

    buf_append(&bytes,
               "\x94\x00\x01\xa5"
               "check",
               9);
    buf_append(&bytes, params, len);
    struct str kept = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    result = codec_open_frame(kept, &frame, error);
    if (result == 0)
        result = codec_read_params(&frame, &shape_check_params, arena, ret_check, error);
    return result;
}

static const struct {
    const char *name, *params;
    size_t len;
    const char *error; /* NULL: fine */
    double quantity;
    const char *product;
} parameters[] = {
    {"trailing ones may be left out",
     "\x92\xa1h\xa1"
     "d",
     5, NULL, 1, ""},
    {"a number may be an integer",
     "\x93\xa1h\xa1"
     "d\x05",
     6, NULL, 5, ""},
    {"options stand in a last map",
     "\x93\xa1h\xa1"
     "d\x81\xa7product\xa1p",
     16, NULL, 1, "p"},
    {"unknown options are ignored",
     "\x93\xa1h\xa1"
     "d\x81\xa1z\xa1p",
     10, NULL, 1, ""},
    {"surplus parameters are ignored",
     "\x94\xa1h\xa1"
     "d\x02\x03",
     7, NULL, 2, ""},
    {"nil is absent",
     "\x93\xa1h\xa1"
     "d\xc0",
     6, NULL, 1, ""},
    {"a missing one is named", "\x91\xa1h", 3, "'dimension' is missing", 0, ""},
    {"a wrong type is named", "\x92\xa1h\x07", 4, "'dimension' must be a text", 0, ""},
    {"text is UTF-8",
     "\x92\xa1\xff\xa1"
     "d",
     5, "'handle' is not UTF-8 text", 0, ""},
    {"timeout_ms is above 0",
     "\x93\xa1h\xa1"
     "d\x81\xaatimeout_ms\x00",
     18, "'timeout_ms' must be an integer from 1 to 2147483647", 0, ""},
};

static void parameters_are_read_as_the_protocol_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        struct arena arena = ARENA_INIT;
        struct error error = {""};
        struct check_params check = {0};
        int result = read_check(parameters[i].params, parameters[i].len, &arena, &check, &error);

        if (parameters[i].error) {
            assert_int_equal(result, -1);
            assert_string_equal(error.text, parameters[i].error);
        } else {
            if (result != 0)
                fail_msg("%s: %s", parameters[i].name, error.text);
            assert_true(check.quantity == parameters[i].quantity);
            assert_true(str_eq_text(check.product, parameters[i].product));
        }
        arena_done(&arena);
    }
}

/* The MessagePack specification lets a writer choose among several forms of the same. */
static void every_form_of_a_number_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *quantity; /* MessagePack of the third parameter */
        size_t len;
        double want;
    } numbers[] = {
        {"\x07", 1, 7},
        {"\xcc\x07", 2, 7},
        {"\xcd\x01\x07", 3, 263},
        {"\xce\x00\x01\x00\x07", 5, 65543},
        {"\xcf\x00\x00\x00\x01\x00\x00\x00\x07", 9, 4294967303.0},
        {"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9, 0x1p63},
        {"\xff", 1, -1},
        {"\xe0", 1, -32},
        {"\xd0\x80", 2, -128},
        {"\xd1\xff\x00", 3, -256},
        {"\xd2\xff\xff\x00\x00", 5, -65536},
        {"\xd3\xff\xff\xff\xff\x00\x00\x00\x00", 9, -0x1p32},
        {"\xca\x3f\xc0\x00\x00", 5, 1.5},
        {"\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00", 9, -1.5},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        cleanup(arena_done) struct arena arena = ARENA_INIT;
        cleanup(buf_done) struct buf params = BUF_INIT;
        struct error error = {""};
        struct check_params check;

        buf_append(&params,
                   "\x93\xd9\x01h\xda\x00\x01"
                   "d",
                   8);
        buf_append(&params, numbers[i].quantity, numbers[i].len);
        assert_int_equal(read_check(params.data, params.len, &arena, &check, &error), 0);
        assert_true(check.quantity == numbers[i].want);
    }
}

static void every_form_of_an_object_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } passed[] = {
        {"\xc0", 1},
        {"\xc2", 1},
        {"\xc4\x01z", 3},
        {"\xc5\x00\x01z", 4},
        {"\xc6\x00\x00\x00\x01z", 6},
        {"\xc7\x01\x05z", 4},
        {"\xc8\x00\x01\x05z", 5},
        {"\xc9\x00\x00\x00\x01\x05z", 7},
        {"\xd4\x05z", 3},
        {"\xd5\x05zz", 4},
        {"\xd6\x05zzzz", 6},
        {"\xd7\x05zzzzzzzz", 10},
        {"\xd8\x05zzzzzzzzzzzzzzzz", 18},
        {"\xd9\x01z", 3},
        {"\xda\x00\x01z", 4},
        {"\xdb\x00\x00\x00\x01z", 6},
        {"\x92\x01\x91\x02", 4},
        {"\xdc\x00\x01\x01", 4},
        {"\xdd\x00\x00\x00\x01\x01", 6},
        {"\x81\x01\x81\x02\x03", 5},
        {"\xde\x00\x01\x01\x02", 5},
        {"\xdf\x00\x00\x00\x01\x01\x02", 7},
    };

    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        cleanup(arena_done) struct arena arena = ARENA_INIT;
        cleanup(buf_done) struct buf params = BUF_INIT;
        struct error error = {""};
        struct check_params check;

        /* A surplus parameter, an unknown option, and a key that is no text. */
        buf_append(&params,
                   "\x95\xa1h\xa1"
                   "d\x02",
                   6);
        buf_append(&params, passed[i].bytes, passed[i].len);
        buf_append(&params, "\x83\xa1z", 3);
        buf_append(&params, passed[i].bytes, passed[i].len);
        buf_append(&params, passed[i].bytes, passed[i].len);
        buf_append(&params, "\x05\xa7product\xa1p", 11);
        if (read_check(params.data, params.len, &arena, &check, &error) < 0)
            fail_msg("%zu: %s", i, error.text);
        assert_true(check.quantity == 2);
        assert_true(str_eq_text(check.product, "p"));
        /* Cut anywhere it is refused. */
        for (size_t len = 0; len < params.len; len++)
            assert_int_equal(read_check(params.data, len, &arena, &check, &error), -1);
    }
}

static void a_required_word_must_be_known(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct error error = {""};
    struct frame frame;
    struct mark_params mark;
    static const char bytes[] = "\x94\x00\x01\xa4mark\x92\xa1h\xa3now";
    struct str text = str_from(bytes, sizeof(bytes) - 1);

    assert_int_equal(codec_open_frame(text, &frame, &error), 0);
    assert_int_equal(codec_read_params(&frame, &shape_mark_params, &arena, &mark, &error), -1);
    assert_string_equal(error.text, "'class' must be one of the words of due_class");
    arena_done(&arena);
}

static void errors_carry_code_sentence_and_retryable(void **state)
{
    (void)state;
    for (int i = ERROR_NONE + 1; i < ERROR_COUNT; i++) {
        struct arena arena = ARENA_INIT;
        struct buf bytes = BUF_INIT;
        struct frame frame;
        struct error error;

        codec_write_error(&bytes, 9, (enum rpc_error)i, STR("why"));
        assert_int_equal(codec_open_frame(buf_str(&bytes), &frame, &error), 0);
        assert_int_equal(frame.msgid, 9);
        assert_int_equal(rpc_error_of(frame.error_code), i);
        assert_true(str_eq_text(frame.error_message, "why"));
        buf_done(&bytes);
        arena_done(&arena);
    }
}

static void limits_of_the_table_are_kept(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT;
    struct error error = {""};
    char *name = mem_alloc_zero(300);
    memset(name, 'n', 299);
    struct entitlement before = {.dimension = str_of(name)}, after;

    codec_encode(&shape_entitlement, &before, &bytes);
    assert_int_equal(codec_decode(&shape_entitlement, buf_str(&bytes), &arena, &after, &error), -1);
    assert_string_equal(error.text, "'dimension' is longer than 255 bytes");
    mem_free(name);
    buf_done(&bytes);
    arena_done(&arena);
}

static void encoded_items_are_passed_on(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        bool is_map;
    } cases[] = {{STR_INIT("\x80"), true},       {STR_INIT("\x81\xa1x\x07"), true},
                 {STR_INIT("\x81\xa1x"), false}, {STR_INIT("\x90"), false},
                 {STR_INIT(""), false},          {STR_INIT("\x80\x80"), false}};
    struct arena arena = ARENA_INIT;
    struct buf bytes = BUF_INIT;
    struct error error = {""};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str item = cases[i].bytes;
        struct snapshot_result before = {.incarnation = STR("i"), .subscriptions = {&item, 1}};
        struct snapshot_result after;
        buf_clear(&bytes);
        codec_encode(&shape_snapshot_result, &before, &bytes);
        assert_int_equal(codec_is_map(item), cases[i].is_map);
        int result = codec_decode(&shape_snapshot_result, buf_str(&bytes), &arena, &after, &error);
        assert_int_equal(result, cases[i].is_map ? 0 : -1);
        if (cases[i].is_map)
            assert_true(codec_equal(&shape_snapshot_result, &before, &after));
    }
    buf_done(&bytes);
    arena_done(&arena);
}

static void a_copy_of_every_shape_outlives_its_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count; i++) {
        for (int round = 0; round < 50; round++) {
            struct arena source = ARENA_INIT, kept = ARENA_INIT;
            struct buf bytes = BUF_INIT, bytes_of_copy = BUF_INIT;
            void *value = arena_alloc(&source, shapes[i]->size);
            void *copy = arena_alloc(&kept, shapes[i]->size);

            random_message(shapes[i], &source, value, 3);
            codec_copy(shapes[i], value, &kept, copy);
            assert_true(codec_equal(shapes[i], value, copy));
            codec_encode(shapes[i], value, &bytes);
            arena_done(&source);
            codec_encode(shapes[i], copy, &bytes_of_copy);
            assert_true(str_eq(buf_str(&bytes), buf_str(&bytes_of_copy)));
            buf_done(&bytes);
            buf_done(&bytes_of_copy);
            arena_done(&kept);
        }
    }
}

/* Two values are equal if and only if they look the same on the wire. One is changed in one field.
 */
static void equality_is_that_of_the_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count; i++) {
        for (size_t j = 0; j < shapes[i]->field_count; j++) {
            for (int round = 0; round < 10; round++) {
                const struct field *field = &shapes[i]->fields[j];
                struct arena arena = ARENA_INIT;
                struct buf bytes = BUF_INIT, other_bytes = BUF_INIT;
                void *value = arena_alloc(&arena, shapes[i]->size);
                void *other = arena_alloc(&arena, shapes[i]->size);

                random_message(shapes[i], &arena, value, 3);
                codec_copy(shapes[i], value, &arena, other);
                random_field(field, &arena, (char *)other + field->offset, 3);
                codec_encode(shapes[i], value, &bytes);
                codec_encode(shapes[i], other, &other_bytes);
                if (codec_equal(shapes[i], value, other) !=
                    str_eq(buf_str(&bytes), buf_str(&other_bytes)))
                    fail_msg("%s.%s", shapes[i]->name, field->name);
                buf_done(&bytes);
                buf_done(&other_bytes);
                arena_done(&arena);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_comes_back_as_it_was),
        cmocka_unit_test(every_method_carries_its_parameters),
        cmocka_unit_test(damaged_bytes_are_refused_or_read),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(parameters_are_read_as_the_protocol_says),
        cmocka_unit_test(every_form_of_a_number_is_read),
        cmocka_unit_test(every_form_of_an_object_is_read),
        cmocka_unit_test(a_required_word_must_be_known),
        cmocka_unit_test(errors_carry_code_sentence_and_retryable),
        cmocka_unit_test(limits_of_the_table_are_kept),
        cmocka_unit_test(encoded_items_are_passed_on),
        cmocka_unit_test(a_copy_of_every_shape_outlives_its_source),
        cmocka_unit_test(equality_is_that_of_the_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
