/* Texts, buffers, arenas, maps, clocks and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/str.h"

static void str_splits_at_the_first_separator(void **state)
{
    (void)state;
    struct str rest = STR("a,b,,c");

    assert_true(str_eq(str_split(&rest, ','), STR("a")));
    assert_true(str_eq(str_split(&rest, ','), STR("b")));
    assert_true(str_eq(str_split(&rest, ','), STR("")));
    assert_true(str_eq(str_split(&rest, ','), STR("c")));
    assert_true(str_is_empty(rest));
}

static void str_reads_whole_decimals_only(void **state)
{
    (void)state;
    int64_t value;

    assert_true(str_to_i64(STR("-9223372036854775808"), &value));
    assert_int_equal(value, INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &value));
    assert_int_equal(value, INT64_MAX);
    assert_false(str_to_i64(STR("9223372036854775808"), &value));
    assert_false(str_to_i64(STR("-9223372036854775809"), &value));
    assert_false(str_to_i64(STR(""), &value));
    assert_false(str_to_i64(STR("-"), &value));
    assert_false(str_to_i64(STR("1x"), &value));
    assert_false(str_to_i64(STR("+1"), &value));
}

/* Long ones are looked at several bytes at a time. */
static void str_knows_utf8_at_every_place(void **state)
{
    (void)state;
    char text[40];

    for (size_t len = 1; len <= sizeof(text); len++) {
        memset(text, 'x', len);
        assert_true(str_is_utf8(str_from(text, len)));
        for (size_t i = 0; i < len; i++) {
            static const char wrong[] = {'\0', '\x80', '\xff', '\xc3'};
            for (size_t j = 0; j < sizeof(wrong); j++) {
                text[i] = wrong[j];
                assert_false(str_is_utf8(str_from(text, len)));
            }
            text[i] = 'x';
        }
        for (size_t i = 0; i + 1 < len; i++) {
            memcpy(text + i, "\xc3\xa9", 2);
            assert_true(str_is_utf8(str_from(text, len)));
            memcpy(text + i, "xx", 2);
        }
    }
}

static void str_knows_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool want;
    } cases[] = {
        {"plain", 5, true},
        {"\xc3\xa9", 2, true},
        {"\xe2\x9c\x93", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xc0\xaf", 2, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xe2\x9c", 2, false},
        {"a\0b", 3, false},
        {"\x80", 1, false},
        {"", 0, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(str_is_utf8(str_from(cases[i].text, cases[i].len)), cases[i].want);
}

static void str_compares_without_case(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-Type"), STR("content-type")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_true(str_compare(STR("a"), STR("ab")) < 0);
    assert_true(str_compare(STR("b"), STR("ab")) > 0);
    assert_true(str_eq(str_trim(STR(" \t x y \r\n")), STR("x y")));
}

static void buf_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;

    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%d,", i);
    assert_int_equal(strlen(buf.data), buf.len);
    buf_clear(&buf);
    assert_string_equal(buf.data, "");
    buf_append_text(&buf, "kept");
    char *text = buf_take(&buf);
    assert_string_equal(text, "kept");
    assert_null(buf.data);
    mem_free(text);
}

static void arena_hands_out_zeroed_memory(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    unsigned char *big = arena_alloc(&arena, 100000);

    assert_int_equal(big[99999], 0);
    memset(big, 1, 100000);
    for (int i = 0; i < 1000; i++) {
        unsigned char *small = arena_alloc(&arena, 17);
        assert_int_equal((uintptr_t)small % sizeof(long), 0);
        assert_int_equal(small[16], 0);
        memset(small, 1, 17);
    }
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7).ptr, "x-7");
    arena_done(&arena);
    arena_done(&arena);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

static void a_cleared_arena_is_zeroed_again_and_keeps_its_memory(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    int calls = 0;

    arena_clear(&arena);
    char *first = arena_alloc(&arena, 100);
    memset(first, 'x', 100);
    arena_defer(&arena, count_call, &calls);
    arena_clear(&arena);
    assert_int_equal(calls, 1);

    char *again = arena_alloc(&arena, 100);
    assert_ptr_equal(again, first);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    size_t small = arena_size(&arena);
    assert_in_range(small, 100, 10000);
    arena_alloc(&arena, 100000);
    assert_in_range(arena_size(&arena), small + 100000, small + 110000);
    arena_clear(&arena);
    assert_in_range(arena_size(&arena), 100000, 110000);
    arena_done(&arena);
    assert_int_equal(arena_size(&arena), 0);
    assert_int_equal(calls, 1);
}

static bool remove_visited(void *arg, struct str key, void *value)
{
    (void)value;
    map_remove(arg, key);
    return true;
}

static void map_keeps_the_last_value(void **state)
{
    (void)state;
    struct map *map = map_new();
    int one = 1, two = 2;

    assert_null(map_put(map, STR("k"), &one));
    assert_ptr_equal(map_put(map, STR("k"), &two), &one);
    assert_ptr_equal(map_get(map, STR("k")), &two);
    assert_null(map_get(map, STR("other")));
    assert_null(map_put(map, STR_NONE, &one));
    assert_ptr_equal(map_get(map, STR("")), &one);
    assert_int_equal(map_count(map), 2);
    map_each(map, remove_visited, map);
    assert_int_equal(map_count(map), 0);
    map_free(map);
}

static void clock_reads_the_times_of_aws(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want; /* -1: not a time */
    } cases[] = {
        {"2026-11-23T12:00:00Z", 1795435200},
        {"2026-11-23T12:00:01.123Z", 1795435201},
        {"2026-11-23T14:00:00+02:00", 1795435200},
        {"2026-11-23T12:00:00", -1},
        {"2026-13-23T12:00:00Z", -1},
        {"2026-11-23 12:00:00Z", -1},
        {"2026-11-23T12:00:00.Z", -1},
        {"2026-11-23T12:00:00Zx", -1},
        {"", -1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t time_s = -1;
        int result = clock_parse_iso8601(str_of(cases[i].text), &time_s);
        assert_int_equal(result, cases[i].want == -1 ? -1 : 0);
        assert_int_equal(time_s, cases[i].want);
    }

    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format_s(1795435200, text), "2026-11-23T12:00:00Z");
    assert_string_equal(clock_format_ms(1795435200123, text), "2026-11-23T12:00:00.123Z");
    assert_string_equal(clock_format_s(0, text), "-");
}

static void error_keeps_the_context_in_front(void **state)
{
    (void)state;
    struct error error;

    assert_int_equal(error_set(&error, "no such %s", "file"), -1);
    assert_int_equal(error_prefix(&error, "cannot read '%s'", "x.conf"), -1);
    assert_string_equal(error.text, "cannot read 'x.conf': no such file");
    assert_int_equal(error_set(NULL, "unheard"), -1);

    error_set(&error, "near '%s', cut as '%.1s'", "\xC3\xA9t\xC3\xA9", "\xC3\xA9");
    assert_string_equal(error.text, "near '\xC3\xA9t\xC3\xA9', cut as '?'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_splits_at_the_first_separator),
        cmocka_unit_test(str_reads_whole_decimals_only),
        cmocka_unit_test(str_knows_utf8),
        cmocka_unit_test(str_knows_utf8_at_every_place),
        cmocka_unit_test(str_compares_without_case),
        cmocka_unit_test(buf_grows_and_stays_terminated),
        cmocka_unit_test(arena_hands_out_zeroed_memory),
        cmocka_unit_test(a_cleared_arena_is_zeroed_again_and_keeps_its_memory),
        cmocka_unit_test(map_keeps_the_last_value),
        cmocka_unit_test(clock_reads_the_times_of_aws),
        cmocka_unit_test(error_keeps_the_context_in_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
