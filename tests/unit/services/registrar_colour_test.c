/* A brand's colour, made readable. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/registrar/colour.h"

static struct colour parse(const char *text)
{
    struct colour colour = {0};

    assert_int_equal(colour_parse(str_of(text), &colour), 0);
    return colour;
}

static void reads_both_spellings(void **state)
{
    (void)state;
    char text[COLOUR_TEXT_SIZE];
    struct colour ignored;

    assert_string_equal(colour_format(parse("#1f4B99"), text), "#1f4b99");
    assert_string_equal(colour_format(parse("#fa0"), text), "#ffaa00");
    assert_int_equal(colour_parse(STR("fa0000"), &ignored), -1);
    assert_int_equal(colour_parse(STR("#fa00"), &ignored), -1);
    assert_int_equal(colour_parse(STR("#fg0"), &ignored), -1);
    assert_int_equal(colour_parse(STR(""), &ignored), -1);
}

/* The figures that WCAG's own text gives. */
static void contrast_is_that_of_the_standard(void **state)
{
    (void)state;

    assert_true(fabs(colour_contrast(parse("#000"), parse("#fff")) - 21) < 1e-9);
    assert_true(fabs(colour_contrast(parse("#fff"), parse("#fff")) - 1) < 1e-9);
    assert_true(fabs(colour_contrast(parse("#777777"), parse("#fff")) - 4.48) < 0.01);
}

static void any_colour_becomes_readable(void **state)
{
    (void)state;
    static const char *const colours[] = {"#fff",    "#ffff00", "#00ff00",
                                          "#ff9900", "#1f4b99", "#000"};
    char text[COLOUR_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        struct colour readable = colour_readable_on_white(parse(colours[i]));
        assert_true(colour_contrast(readable, parse("#fff")) >= 4.5);
    }
    assert_string_equal(colour_format(colour_readable_on_white(parse("#1f4b99")), text), "#1f4b99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_spellings),
        cmocka_unit_test(contrast_is_that_of_the_standard),
        cmocka_unit_test(any_colour_becomes_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
