/* Signature Version 4, against the examples of AWS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/aws/client/sigv4.h"
#include "tests/support/vectors.h"

enum { MAX_HEADERS = 8 };

static struct json *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = vectors_load("aws-wire-examples.json");
    return 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_free(vectors);
    return 0;
}

struct headers {
    struct sigv4_header list[MAX_HEADERS];
    size_t count;
};

static void insert(struct headers *headers, struct str name, struct str value)
{
    size_t i = headers->count++;

    assert_true(headers->count <= MAX_HEADERS);
    for (; i > 0 && str_compare(name, headers->list[i - 1].name) < 0; i--)
        headers->list[i] = headers->list[i - 1];
    headers->list[i] = (struct sigv4_header){name, value};
}

static void insert_member(void *arg, struct str name, const struct json *value)
{
    insert(arg, name, json_str(value));
}

static void check_vector(const struct json *vector)
{
    struct headers headers = {0};
    struct buf canonical = BUF_INIT, to_sign = BUF_INIT, signature = BUF_INIT;
    struct str date = json_get_str(vector, "amz_date");
    struct str host = json_get_str(vector, "url");

    host = str_from(host.ptr + strlen("https://"), host.len - strlen("https://"));
    insert(&headers, STR("host"), str_split(&host, '/'));
    insert(&headers, STR("x-amz-date"), date);
    json_each(json_get(vector, "headers_signed_besides_host_and_date"), insert_member, &headers);

    sigv4_canonical_request(&canonical, json_get_str(vector, "method"), STR("/"), STR_NONE,
                            headers.list, headers.count, json_get_str(vector, "body"));
    assert_string_equal(canonical.data, json_get_str(vector, "canonical_request").ptr);

    struct str want = json_get_str(vector, "string_to_sign"), scope = want;
    str_split(&scope, '\n');
    str_split(&scope, '\n');
    sigv4_string_to_sign(&to_sign, date, str_split(&scope, '\n'), buf_str(&canonical));
    assert_string_equal(to_sign.data, want.ptr);

    sigv4_signature(&signature, json_get_str(vector, "secret_access_key"), str_from(date.ptr, 8),
                    json_get_str(vector, "region"), json_get_str(vector, "service"),
                    buf_str(&to_sign));
    assert_string_equal(signature.data, json_get_str(vector, "signature").ptr);
    buf_done(&canonical);
    buf_done(&to_sign);
    buf_done(&signature);
}

static void signs_as_the_vectors_say(void **state)
{
    const struct json *list = json_get(vectors, "sigv4_vectors");
    (void)state;

    assert_true(json_count(list) >= 3);
    for (size_t i = 0; i < json_count(list); i++)
        check_vector(json_at(list, i));
}

static void trims_header_values_and_collapses_blanks(void **state)
{
    const struct sigv4_header header = {STR("my-header"), STR("  a   b  c ")};
    struct buf out = BUF_INIT;
    (void)state;

    sigv4_canonical_request(&out, STR("GET"), STR("/"), STR("a=1"), &header, 1, STR_NONE);
    assert_string_equal(out.data,
                        "GET\n/\na=1\nmy-header:a b c\n\nmy-header\n"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_vectors_say),
        cmocka_unit_test(trims_header_values_and_collapses_blanks),
    };

    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
