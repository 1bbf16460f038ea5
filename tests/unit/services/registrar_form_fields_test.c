/* What the form asks for, and how answers are judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "services/registrar/form_fields.h"

static struct config_list list_of(const char **items, size_t count)
{
    return (struct config_list){.items = items, .count = count};
}

static void email_comes_first(void **state)
{
    (void)state;
    const char *items[] = {"company_name:text:required", "phone:tel", "site:url"};
    struct config_list list = list_of(items, 3);
    struct arena arena = ARENA_INIT;
    struct form form;

    assert_int_equal(form_build(&form, &list, &arena, NULL), 0);
    assert_int_equal(form.count, 4);
    assert_true(str_eq(form.fields[0].name, STR("email")));
    assert_true(form.fields[0].required);
    assert_int_equal(form.fields[0].type, FORM_EMAIL);
    assert_true(str_eq(form.fields[1].label, STR("Company name")));
    assert_true(form.fields[1].required);
    assert_int_equal(form.fields[2].type, FORM_TEL);
    assert_false(form.fields[2].required);
    assert_int_equal(form.fields[3].type, FORM_URL);
    arena_done(&arena);
}

static void refuses_fields_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *items[2];
        const char *problem;
    } cases[] = {
        {{"a:text", "a:tel"}, "[registrar] form_fields: the field 'a' is there twice"},
        {{"a:tenant", "b:tenant"},
         "[registrar] form_fields: there can be one field of type tenant"},
        {{"a:text", "form_word:text"},
         "[registrar] form_fields: 'form_word' is a field of every form already"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *items[] = {cases[i].items[0], cases[i].items[1]};
        struct config_list list = list_of(items, 2);
        struct arena arena = ARENA_INIT;
        struct error error = {""};
        struct form form;
        assert_int_equal(form_build(&form, &list, &arena, &error), -1);
        assert_string_equal(error.text, cases[i].problem);
        arena_done(&arena);
    }
}

static void refuses_more_fields_than_can_be_kept(void **state)
{
    (void)state;
    static char names[60][24];
    const char *items[60];
    struct arena arena = ARENA_INIT;
    struct error error = {""};
    struct form form;

    for (int i = 0; i < 60; i++) {
        snprintf(names[i], sizeof(names[i]), "f%d:text", i);
        items[i] = names[i];
    }
    struct config_list most = list_of(items, 49), too_many = list_of(items, 50);
    assert_int_equal(form_build(&form, &most, &arena, &error), 0);
    assert_int_equal(form_build(&form, &too_many, &arena, &error), -1);
    arena_done(&arena);
}

static void tells_addresses_from_others(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a@example.com",
        "first.last+tag@sub.example.co.uk",
        "x@gmail.com",
        "o'neill@example.ie",
        "name@xn--bcher-kva.example",
        "jürgen@bücher.example",
        "1@1.example",
        "a-b_c@a-b.example",
    };
    static const char *const bad[] = {
        "",
        "a",
        "@example.com",
        "a@",
        "a@b",
        "a@@example.com",
        "a b@e.com",
        "a@e .com",
        "a@-e.com",
        "a@e-.com",
        "a@e..com",
        "a@.e.com",
        "a@e.com.",
        "a@e.com\n",
        "<a@e.com>",
        "a@e.com,b@e.com",
        "a@[127.0.0.1]",
        "\"a\"@e.com",
    };
    cleanup(buf_done) struct buf long_local = BUF_INIT;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(form_is_email(str_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(form_is_email(str_of(bad[i])));
    for (int i = 0; i < 65; i++)
        buf_append_char(&long_local, 'a');
    buf_append_text(&long_local, "@example.com");
    assert_false(form_is_email(buf_str(&long_local)));
    assert_true(form_is_email(str_from(long_local.data + 1, long_local.len - 1)));
}

static void tells_numbers_and_web_addresses(void **state)
{
    (void)state;

    assert_true(form_is_tel(STR("+1 (206) 555-0100 x12")));
    assert_true(form_is_tel(STR("00496970")));
    assert_false(form_is_tel(STR("none")));
    assert_false(form_is_tel(STR("+-")));
    assert_true(form_is_url(STR("https://example.com")));
    assert_true(form_is_url(STR("http://example.com:8080/x?y=z")));
    assert_false(form_is_url(STR("example.com")));
    assert_false(form_is_url(STR("javascript:alert(1)")));
    assert_false(form_is_url(STR("https://")));
    assert_false(form_is_url(STR("https://exa mple.com")));
    assert_false(form_is_url(STR("https://example.com/a b")));
}

static void judges_every_answer(void **state)
{
    (void)state;
    const char *items[] = {"company:text:required", "phone:tel", "note:text"};
    struct config_list list = list_of(items, 3);
    struct arena arena = ARENA_INIT;
    struct form form;
    cleanup(buf_done) struct buf long_text = BUF_INIT;
    struct form_answer answers[4] = {
        {.value = STR("  a@example.com \n")}, {.value = STR("   ")}, {.value = STR("")}};

    for (int i = 0; i < 200; i++)
        buf_append_text(&long_text, "é");
    answers[3].value = buf_str(&long_text);
    assert_int_equal(form_build(&form, &list, &arena, NULL), 0);
    assert_int_equal(form_judge(&form, answers), 1);
    assert_true(str_eq(answers[0].value, STR("a@example.com")));
    assert_true(str_eq(answers[1].problem, STR("Please fill in this field.")));
    assert_true(str_is_empty(answers[2].problem));
    assert_true(str_is_empty(answers[3].problem));

    buf_append_text(&long_text, "é");
    answers[1].value = STR("A\tB");
    answers[2].value = STR("call me");
    answers[3].value = buf_str(&long_text);
    assert_int_equal(form_judge(&form, answers), 3);
    assert_true(str_eq(answers[3].problem, STR("This is too long.")));
    answers[1].value = STR("\xC3(");
    answers[2].value = answers[3].value = STR("");
    assert_int_equal(form_judge(&form, answers), 1);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(email_comes_first),
        cmocka_unit_test(refuses_fields_that_cannot_be),
        cmocka_unit_test(refuses_more_fields_than_can_be_kept),
        cmocka_unit_test(tells_addresses_from_others),
        cmocka_unit_test(tells_numbers_and_web_addresses),
        cmocka_unit_test(judges_every_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
