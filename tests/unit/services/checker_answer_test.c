/* Every answer of GetEntitlements in the vectors, and answers that AWS never promised not to give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/record/record.h"
#include "services/checker/entitlement_answer.h"
#include "tests/support/vectors.h"

static const char product[] = "4exampleproductcode0000001";
static const char license_1[] =
    "arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

struct page {
    struct json *vectors;
    struct arena arena;
    struct entitlement_rows rows;
    struct str next_token;
    struct error error;
};

static int set_up(void **state)
{
    struct page *page = mem_alloc_zero(sizeof(*page));

    page->vectors = vectors_load("aws-wire-examples.json");
    *state = page;
    return 0;
}

static int tear_down(void **state)
{
    struct page *page = *state;

    json_free(page->vectors);
    arena_done(&page->arena);
    mem_free(page);
    return 0;
}

static int read_body(struct page *page, const struct json *body)
{
    arena_done(&page->arena);
    page->rows = (struct entitlement_rows){0};
    page->next_token = STR_NONE;
    return entitlement_page_read(body, str_of(product), &page->arena, &page->rows,
                                 &page->next_token, &page->error);
}

static int read_text(struct page *page, const char *text)
{
    cleanup(json_freep) struct json *body = NULL;

    assert_int_equal(json_parse(&body, str_of(text), &page->error), 0);
    return read_body(page, body);
}

static const struct json *vector(const struct page *page, const char *name)
{
    const struct json *value = json_get(json_get(page->vectors, "entitlement_service"), name);

    assert_non_null(value);
    return value;
}

/* The rows of a vector, which must be readable. */
static void read_vector(struct page *page, const char *name, size_t rows)
{
    const struct json *entry = vector(page, name);
    const struct json *body = json_get(entry, "body");
    cleanup(json_freep) struct json *raw = NULL;

    if (!body) {
        assert_int_equal(json_parse(&raw, json_get_str(entry, "raw_body"), &page->error), 0);
        body = raw;
    }
    assert_int_equal(read_body(page, body), 0);
    assert_int_equal(page->rows.count, rows);
}

static void expect_seats(const struct page *page, int64_t quantity, int64_t expires_at)
{
    const struct aws_entitlement *row = &page->rows.items[0];

    assert_true(str_eq_text(row->product_code, product));
    assert_true(str_eq_text(row->dimension, "seats"));
    assert_true(str_eq_text(row->account_id, "111122223333"));
    assert_int_equal(row->value.kind, VALUE_INTEGER);
    assert_int_equal(row->value.integer, quantity);
    assert_int_equal(row->expires_at, expires_at);
}

static void every_vector_is_read(void **state)
{
    struct page *page = *state;

    read_vector(page, "response_one_integer", 1);
    expect_seats(page, 25, 1827014400);
    assert_true(str_eq_text(page->rows.items[0].license_arn, license_1));
    assert_int_equal(page->next_token.len, 0);
    read_vector(page, "response_two_concurrent_licenses", 2);
    assert_false(str_eq(page->rows.items[0].license_arn, page->rows.items[1].license_arn));
    read_vector(page, "response_legacy", 1);
    expect_seats(page, 25, 1827014400);
    assert_true(str_eq_text(page->rows.items[0].customer_identifier, "ExCustId0001"));
    assert_int_equal(page->rows.items[0].license_arn.len, 0);
    read_vector(page, "response_fractional_expiration", 1);
    expect_seats(page, 25, 1827014400);
    read_vector(page, "response_exponent_expiration_raw", 1);
    expect_seats(page, 25, 1827014400);
    read_vector(page, "response_expired_but_listed", 1);
    expect_seats(page, 25, 1793491200);
    read_vector(page, "response_zero_quantity", 1);
    expect_seats(page, 0, 1827014400);
    read_vector(page, "response_empty_list", 0);
    read_vector(page, "response_empty_object", 0);
    read_vector(page, "response_empty_page_with_next_token", 0);
    assert_true(str_eq_text(page->next_token, "fixture-page-2"));
    read_vector(page, "response_page1_of_2", 1);
    assert_true(str_eq_text(page->next_token, "fixture-page-2"));
    read_vector(page, "response_page2_of_2", 1);
    assert_int_equal(page->next_token.len, 0);
    read_vector(page, "response_unknown_value_kind", 1);
    assert_int_equal(page->rows.items[0].value.kind, VALUE_NONE);
    assert_true(str_eq_text(page->rows.items[0].dimension, "seats"));
}

static void every_kind_of_value_is_read(void **state)
{
    struct page *page = *state;

    read_vector(page, "response_all_value_kinds", 4);
    const struct aws_entitlement *rows = page->rows.items;
    assert_int_equal(rows[0].value.kind, VALUE_INTEGER);
    assert_int_equal(rows[1].value.kind, VALUE_DOUBLE);
    assert_true(rows[1].value.number > 1.49 && rows[1].value.number < 1.51);
    assert_int_equal(rows[2].value.kind, VALUE_BOOLEAN);
    assert_true(rows[2].value.boolean);
    assert_int_equal(rows[3].value.kind, VALUE_STRING);
    assert_true(str_eq_text(rows[3].value.string, "enterprise"));
}

static void no_vector_is_left_out(void **state)
{
    const struct page *page = *state;

    /* 4 requests, 14 responses, 1 member with the errors: a new one needs its line above. */
    assert_int_equal(json_count(json_get(page->vectors, "entitlement_service")), 19);
}

static void what_may_be_missing_may(void **state)
{
    struct page *page = *state;

    assert_int_equal(read_text(page, "{\"Entitlements\":null,\"NextToken\":null}"), 0);
    assert_int_equal(page->rows.count, 0);
    assert_int_equal(read_text(page, "{\"__type\":\"x\",\"Entitlements\":[{}]}"), 0);
    assert_int_equal(page->rows.count, 1);
    assert_int_equal(read_text(page, "{\"Entitlements\":[{\"Dimension\":\"a\",\"Value\":null,"
                                     "\"LicenseArn\":null,\"ExpirationDate\":null}]}"),
                     0);
    assert_int_equal(page->rows.items[0].expires_at, 0);
}

static void numbers_may_be_written_in_any_way(void **state)
{
    struct page *page = *state;

    assert_int_equal(read_text(page, "{\"Entitlements\":["
                                     "{\"Value\":{\"IntegerValue\":2.5E1},\"ExpirationDate\":1.5},"
                                     "{\"Value\":{\"IntegerValue\":4294967296}},"
                                     "{\"Value\":{\"DoubleValue\":3}},"
                                     "{\"Value\":{\"IntegerValue\":2.5}}]}"),
                     0);
    const struct aws_entitlement *rows = page->rows.items;
    assert_int_equal(rows[0].value.integer, 25);
    assert_int_equal(rows[0].expires_at, 1);
    assert_int_equal(rows[1].value.integer, INT64_C(4294967296));
    assert_int_equal(rows[2].value.kind, VALUE_DOUBLE);
    assert_int_equal(rows[3].value.kind, VALUE_NONE);
}

static void what_is_no_answer_fails_whole(void **state)
{
    static const char *const cases[] = {
        "[]",
        "{\"Entitlements\":{}}",
        "{\"Entitlements\":\"none\"}",
        "{\"Entitlements\":[],\"NextToken\":7}",
    };
    struct page *page = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(read_text(page, cases[i]), -1);
}

/* The row between two others cannot be read; *ret is what could be. */
static struct aws_entitlement unreadable(struct page *page, const char *row)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    buf_printf(&text, "{\"Entitlements\":[{\"Dimension\":\"a\"},%s,{\"LicenseArn\":\"l-1\"}]}",
               row);
    assert_int_equal(read_text(page, text.data), 0);
    assert_int_equal(page->rows.count, 3);
    assert_int_equal(page->rows.unreadable, 1);
    assert_true(page->rows.why.text[0] != '\0');
    assert_false(page->rows.items[0].unreadable || page->rows.items[2].unreadable);
    assert_true(page->rows.items[1].unreadable);
    return page->rows.items[1];
}

static void a_row_that_cannot_be_read_is_marked_and_the_others_count(void **state)
{
    struct page *page = *state;

    struct aws_entitlement row =
        unreadable(page, "{\"LicenseArn\":\"l-2\",\"ExpirationDate\":\"tomorrow\"}");
    assert_true(str_eq_text(row.license_arn, "l-2"));
    row = unreadable(page, "{\"LicenseArn\":\"l-2\",\"Dimension\":7}");
    assert_true(str_eq_text(row.license_arn, "l-2"));
    assert_int_equal(row.dimension.len, 0);
    assert_int_equal(record_row_owner(&row).by, SCOPE_LICENSE);
    /* Whose it is must be known whole, and another product's is nobody's here. */
    static const char *const of_nobody[] = {
        "7",
        "null",
        "{\"CustomerAWSAccountId\":\"1\",\"LicenseArn\":7}",
        "{\"CustomerAWSAccountId\":\"1\",\"ProductCode\":\"another\"}",
    };
    for (size_t i = 0; i < sizeof(of_nobody) / sizeof(of_nobody[0]); i++) {
        row = unreadable(page, of_nobody[i]);
        assert_int_equal(record_row_owner(&row).by, scope_none);
    }
}

static void a_text_longer_than_aws_allows_cannot_be_read(void **state)
{
    cleanup(buf_done) struct buf row = BUF_INIT;
    struct page *page = *state;

    buf_append_text(&row, "{\"Dimension\":\"");
    for (int i = 0; i < 256; i++)
        buf_append_char(&row, 'x');
    buf_append_text(&row, "\"}");
    unreadable(page, row.data);
    assert_non_null(strstr(page->rows.why.text, "Dimension"));
}

static int64_t date(struct page *page, const char *number)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    buf_printf(&text, "{\"Entitlements\":[{\"ExpirationDate\":%s}]}", number);
    assert_int_equal(read_text(page, text.data), 0);
    return page->rows.items[0].unreadable ? -1 : page->rows.items[0].expires_at;
}

static void a_date_is_read_only_if_it_can_be_meant(void **state)
{
    struct page *page = *state;

    assert_int_equal(date(page, "1827014400"), 1827014400);
    assert_int_equal(date(page, "253402300799"), INT64_C(253402300799));
    /* Milliseconds, which as seconds would be the year 59,865. */
    assert_int_equal(date(page, "1827014400000"), 1827014400);
    assert_int_equal(date(page, "1827014400999"), 1827014400);
    assert_int_equal(date(page, "253402300799999"), INT64_C(253402300799));
    /* Beyond the year 9999, and as milliseconds before 2010, or beyond the year 9999 too. */
    assert_int_equal(date(page, "253402300800"), -1);
    assert_int_equal(date(page, "1262303999999"), -1);
    assert_int_equal(date(page, "1827014400000000"), -1);
    assert_int_equal(date(page, "1e300"), -1);
    assert_int_equal(date(page, "0"), -1);
    assert_int_equal(date(page, "-7"), -1);
}

static void a_question_is_written_as_in_the_vectors(void **state)
{
    struct page *page = *state;
    cleanup(buf_done) struct buf ours = BUF_INIT, theirs = BUF_INIT;

    const struct str license = str_of(license_1);
    const struct entitlement_question by_license = {.product_code = str_of(product),
                                                    .scope = SCOPE_LICENSE,
                                                    .keys = &license,
                                                    .key_count = 1,
                                                    .max_results = ENTITLEMENT_PAGE_ROWS};
    entitlement_question_write(&by_license, &ours);
    json_write(json_get(vector(page, "request_by_license"), "body"), &theirs);
    assert_string_equal(ours.data, theirs.data);

    buf_clear(&ours);
    buf_clear(&theirs);
    const struct entitlement_question next_page = {.product_code = str_of(product),
                                                   .max_results = ENTITLEMENT_PAGE_ROWS,
                                                   .next_token = STR("fixture-page-2")};
    entitlement_question_write(&next_page, &ours);
    json_write(json_get(vector(page, "request_whole_product_page2"), "body"), &theirs);
    assert_string_equal(ours.data, theirs.data);
}

static void each_scope_has_its_filter(void **state)
{
    static const struct {
        enum scope scope;
        const char *name;
    } cases[] = {{SCOPE_LICENSE, "LICENSE_ARN"},
                 {SCOPE_CUSTOMER_IDENTIFIER, "CUSTOMER_IDENTIFIER"},
                 {SCOPE_ACCOUNT, "CUSTOMER_AWS_ACCOUNT_ID"}};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(buf_done) struct buf text = BUF_INIT;
        cleanup(json_freep) struct json *body = NULL;
        const struct str keys[] = {STR("value"), STR("other")};
        const struct entitlement_question question = {.product_code = str_of(product),
                                                      .scope = cases[i].scope,
                                                      .keys = keys,
                                                      .key_count = 2,
                                                      .max_results = 25};
        entitlement_question_write(&question, &text);
        assert_int_equal(json_parse(&body, buf_str(&text), NULL), 0);
        const struct json *values = json_get(json_get(body, "Filter"), cases[i].name);
        assert_int_equal(json_count(values), 2);
        assert_int_equal(json_count(json_get(body, "Filter")), 1);
        assert_true(str_eq_text(json_str(json_at(values, 0)), "value"));
        assert_true(str_eq_text(json_str(json_at(values, 1)), "other"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_vector_is_read),
        TEST(every_kind_of_value_is_read),
        TEST(no_vector_is_left_out),
        TEST(what_may_be_missing_may),
        TEST(numbers_may_be_written_in_any_way),
        TEST(what_is_no_answer_fails_whole),
        TEST(a_row_that_cannot_be_read_is_marked_and_the_others_count),
        TEST(a_text_longer_than_aws_allows_cannot_be_read),
        TEST(a_date_is_read_only_if_it_can_be_meant),
        TEST(a_question_is_written_as_in_the_vectors),
        TEST(each_scope_has_its_filter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
