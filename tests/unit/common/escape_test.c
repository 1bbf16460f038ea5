/* Texts from outside in HTML, XML and URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/escape.h"
#include "common/base/mem.h"

static void markup_is_text(void **state)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    (void)state;

    escape_markup(&out, STR("<a href=\"x\" y='z'>&amp;\xC3\xA9"));
    assert_string_equal(out.data, "&lt;a href=&quot;x&quot; y=&#39;z&#39;&gt;&amp;amp;\xC3\xA9");
}

static void only_unreserved_characters_stay_in_a_url(void **state)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    (void)state;

    escape_percent(&out, STR("aZ09-._~ /+&=%\xC3\xA9\0"));
    assert_string_equal(out.data, "aZ09-._~%20%2F%2B%26%3D%25%C3%A9%00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_text),
        cmocka_unit_test(only_unreserved_characters_stay_in_a_url),
    };

    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
