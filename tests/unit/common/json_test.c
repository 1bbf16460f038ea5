/* JSON: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "common/json/json.h"
#include "tests/support/vectors.h"

static struct json *parse(const char *text)
{
    struct json *root = NULL;
    struct error error;

    assert_int_equal(json_parse(&root, str_of(text), &error), 0);
    return root;
}

static void assert_written(const struct json *value, const char *want)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    json_write(value, &out);
    assert_string_equal(out.data, want);
}

static void reads_every_kind(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *root =
        parse("{\"n\":null,\"b\":true,\"i\":-7,\"r\":1.5,\"s\":\"x\",\"a\":[1,2],\"o\":{\"k\":1}}");
    double number = 0;
    int64_t integer = 0;
    bool truth = false;

    assert_int_equal(json_kind(json_get(root, "n")), JSON_KIND_NULL);
    assert_int_equal(json_kind(json_get(root, "b")), JSON_KIND_BOOL);
    assert_int_equal(json_kind(json_get(root, "i")), JSON_KIND_INTEGER);
    assert_int_equal(json_kind(json_get(root, "r")), JSON_KIND_REAL);
    assert_int_equal(json_kind(json_get(root, "s")), JSON_KIND_STRING);
    assert_int_equal(json_kind(json_get(root, "a")), JSON_KIND_ARRAY);
    assert_int_equal(json_kind(json_get(root, "o")), JSON_KIND_OBJECT);
    assert_int_equal(json_kind(json_get(root, "absent")), JSON_KIND_ABSENT);
    assert_true(json_bool(json_get(root, "b"), &truth) && truth);
    assert_true(json_int(json_get(root, "i"), &integer) && integer == -7);
    assert_true(json_number(json_get(root, "i"), &number) && number == -7.0);
    assert_true(json_number(json_get(root, "r"), &number) && number == 1.5);
    assert_true(str_eq(json_get_str(root, "s"), STR("x")));
    assert_int_equal(json_count(json_get(root, "a")), 2);
    assert_int_equal(json_count(json_get(root, "o")), 1);
    assert_int_equal(json_kind(json_at(json_get(root, "a"), 1)), JSON_KIND_INTEGER);
    assert_null(json_at(json_get(root, "a"), 2));
}

static void wrong_kinds_read_as_absent(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *root = parse("{\"s\":\"5\",\"r\":1.0}");
    double number = 3;
    int64_t integer = 3;
    bool truth = true;

    assert_false(json_number(json_get(root, "s"), &number));
    assert_false(json_int(json_get(root, "r"), &integer));
    assert_false(json_bool(json_get(root, "s"), &truth));
    assert_true(number == 3 && integer == 3 && truth);
    assert_true(str_is_empty(json_str(json_get(root, "r"))));
    assert_null(json_get(json_get(root, "s"), "deeper"));
    assert_null(json_get(NULL, "x"));
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_at(root, 0));
    assert_int_equal(json_kind(NULL), JSON_KIND_ABSENT);
}

static void follows_paths(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *root = parse("{\"detail\":{\"license\":{\"arn\":\"l-1\"}}}");

    assert_true(str_eq(json_str(json_path(root, "detail.license.arn")), STR("l-1")));
    assert_null(json_path(root, "detail.licence.arn"));
    assert_null(json_path(root, "detail.license.arn.deeper"));
    assert_null(json_path(NULL, "detail"));
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"", 0},
        {"{\"a\":1,}", 8},
        {"{\"a\":1,\"a\":2}", 13},
        {"{} {}", 5},
        {"{\"a\":\"x\\u0000y\"}", 16},
        {"{\"a\":\"\xC3\"}", 9},
        {"<html>502</html>", 16},
        {"{\"a\":1\0}", 8},
        {"nul", 3},
        {"1e999", 5},
        {"99999999999999999999", 20},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json *root = NULL;
        struct error error = {""};
        assert_int_equal(json_parse(&root, str_from(cases[i].text, cases[i].len), &error), -1);
        assert_null(root);
        assert_true(strlen(error.text) > 0);
    }
}

/* The sentence goes to logs, and what was to be read may have been credentials. */
static void a_complaint_does_not_quote_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"key\": secret}", "{\"key\": \"secret", "{\"secret\": 1",
                                        "{\"secret\": 1, \"secret\": 2}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json *root = NULL;
        struct error error = {""};
        assert_int_equal(json_parse(&root, str_of(texts[i]), &error), -1);
        assert_non_null(strstr(error.text, "(line 1, column "));
        if (strstr(error.text, "secret"))
            fail_msg("%s", error.text);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;

    for (int depth = 64; depth <= 65; depth++) {
        cleanup(buf_done) struct buf text = BUF_INIT;
        cleanup(json_freep) struct json *root = NULL;
        for (int i = 0; i < depth; i++)
            buf_append_char(&text, '[');
        buf_append_text(&text, "\"[[[[ \\\" [[[[\"");
        for (int i = 0; i < depth; i++)
            buf_append_char(&text, ']');
        assert_int_equal(json_parse(&root, buf_str(&text), NULL), depth == 64 ? 0 : -1);
    }
}

static void exponents_are_numbers(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    cleanup(json_freep) struct json *answer = NULL;
    double date = 0;
    struct str raw = json_str(
        json_path(vectors, "entitlement_service.response_exponent_expiration_raw.raw_body"));

    assert_int_equal(json_parse(&answer, raw, NULL), 0);
    const struct json *first = json_at(json_get(answer, "Entitlements"), 0);
    assert_true(json_number(json_get(first, "ExpirationDate"), &date));
    assert_true(date > 1.7e9);
}

static void on_member(void *arg, struct str key, const struct json *value)
{
    int64_t number = 0;

    assert_true(json_int(value, &number));
    buf_printf(arg, STR_FMT "=%d ", STR_ARG(key), (int)number);
}

static void members_keep_their_order(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *root = parse("{\"z\":1,\"a\":2,\"m\":3}");
    cleanup(buf_done) struct buf seen = BUF_INIT;

    json_each(root, on_member, &seen);
    assert_string_equal(seen.data, "z=1 a=2 m=3 ");
    json_each(NULL, on_member, &seen);
}

static void builds_and_writes(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *root = json_new_object();
    struct json *list = json_new_array();

    json_add(list, json_new_integer(1));
    json_add(list, json_new_number(0.5));
    json_add(list, json_new_number(NAN));
    json_add(list, json_new_null());
    json_set(root, "list", list);
    json_set_str(root, "text", STR("a\"b"));
    json_set_bool(root, "yes", true);
    json_set_integer(root, "gone", 1);
    json_remove(root, "gone");
    assert_written(root, "{\"list\":[1,0.5,null,null],\"text\":\"a\\\"b\",\"yes\":true}");

    cleanup(json_freep) struct json *copy = json_clone(root);
    json_set_bool(root, "yes", false);
    assert_written(json_get(copy, "yes"), "true");
    assert_written(NULL, "null");

    cleanup(buf_done) struct buf pretty = BUF_INIT;
    json_write_pretty(json_get(root, "yes"), &pretty);
    assert_string_equal(pretty.data, "false\n");
}

static void foreign_bytes_become_replacement_characters(void **state)
{
    (void)state;
    static const char bytes[] = "a\xFF\xC3\xA9\x00z\xE2\x9C";
    cleanup(json_freep) struct json *value = json_new_str(str_from(bytes, sizeof(bytes) - 1));
    cleanup(json_freep) struct json *empty = json_new_str(STR_NONE);

    assert_true(str_eq(json_str(value), STR("a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBDz"
                                            "\xEF\xBF\xBD\xEF\xBF\xBD")));
    assert_written(empty, "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(wrong_kinds_read_as_absent),
        cmocka_unit_test(follows_paths),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(a_complaint_does_not_quote_the_text),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(exponents_are_numbers),
        cmocka_unit_test(members_keep_their_order),
        cmocka_unit_test(builds_and_writes),
        cmocka_unit_test(foreign_bytes_become_replacement_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
