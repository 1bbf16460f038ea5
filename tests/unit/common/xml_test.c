/* Texts out of XML: what is found, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/xml/xml.h"

static void the_first_of_each_name_is_found(void **state)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct xml_text texts[] = {{"A", STR_NONE}, {"B", STR_NONE}, {"C", STR_NONE}};
    struct error error;
    (void)state;

    assert_int_equal(xml_find(&arena,
                              STR("<R xmlns='urn:x'><S><B> two &amp; more\n</B></S>"
                                  "<A>one</A><A>other</A></R>"),
                              texts, 3, &error),
                     0);
    assert_true(str_eq_text(texts[0].text, "one"));
    assert_true(str_eq_text(texts[1].text, "two & more"));
    assert_true(str_is_empty(texts[2].text));
}

static void what_is_no_xml_is_refused(void **state)
{
    const char *const cases[] = {"", "{}", "<A>", "<A></B>",
                                 /* Entities are how XML explodes. */
                                 "<!DOCTYPE A [<!ENTITY e 'x'>]><A>&e;</A>"};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(arena_done) struct arena arena = ARENA_INIT;
        struct xml_text text = {"A", STR_NONE};
        struct error error = {""};

        assert_int_equal(xml_find(&arena, str_of(cases[i]), &text, 1, &error), -1);
        assert_non_null(strstr(error.text, "not XML"));
        assert_int_equal(xml_find(&arena, str_of(cases[i]), &text, 1, NULL), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_each_name_is_found),
        cmocka_unit_test(what_is_no_xml_is_refused),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
