/* INI texts: lines, sections, and what is wrong and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/config/ini.h"

/* Writes the pairs down; a pair named "refuse" is refused. */
static int write_pair(void *arg, struct str section, struct str name, struct str value,
                      unsigned line, struct error *error)
{
    if (str_eq_text(name, "refuse"))
        return error_set(error, "refused '" STR_FMT "'", STR_ARG(value));
    buf_printf(arg, "%u[" STR_FMT "]" STR_FMT "=" STR_FMT "|", line, STR_ARG(section),
               STR_ARG(name), STR_ARG(value));
    return 0;
}

static void reads(const char *text, const char *want)
{
    struct buf out = BUF_INIT;
    struct error error = {.text = ""};

    assert_int_equal(ini_read(str_of(text), write_pair, &out, &error), 0);
    assert_string_equal(error.text, "");
    assert_string_equal(out.data ? out.data : "", want);
    buf_done(&out);
}

static void refuses_text(struct str text, const char *want)
{
    struct buf out = BUF_INIT;
    struct error error = {.text = ""};

    assert_int_equal(ini_read(text, write_pair, &out, &error), -1);
    assert_string_equal(error.text, want);
    buf_done(&out);
}

static void refuses(const char *text, const char *want)
{
    refuses_text(str_of(text), want);
}

static void counts_lines_and_sections(void **state)
{
    (void)state;
    reads("", "");
    reads("\n\n", "");
    reads("a = 1\n[one]\n\n# no\n; no\nb=2\n[two x]\r\nc = 3 4 \r\n",
          "1[]a=1|6[one]b=2|8[two x]c=3 4|");
    reads("\xef\xbb\xbf[s]\na=1", "2[s]a=1|");
    reads("[s] ; of settings\na=", "2[s]a=|");
    reads("[s]\nurl = http://host:1/?a=b;c ; said so\n", "2[s]url=http://host:1/?a=b;c|");
}

static void deeper_lines_continue_and_indentation_does_not(void **state)
{
    (void)state;
    reads("[s]\nlist = a\n  b ; why\n\n  c\nd = 1\n", "2[s]list=a|3[s]list=b|5[s]list=c|6[s]d=1|");
    reads("[s]\n  a = 1\n  b = 2\n", "2[s]a=1|3[s]b=2|");
    reads("  [s]\n  a = 1\n [t]\n  b = 2\n", "2[s]a=1|4[t]b=2|");
    reads("[services local]\nsqs =\n  endpoint_url = http://h\n",
          "2[services local]sqs=|3[services local]sqs=endpoint_url = http://h|");
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    refuses("a=1\nnonsense\n", "line 2: neither [section] nor name = value");
    refuses("\n[open\n", "line 2: the section has no ']'");
    refuses("[a] b = 1\n", "line 1: there is text behind the section's ']'");
    refuses("[ ]\n", "line 1: the section has no name");
    refuses("[s]\n= 1\n", "line 2: there is no name in front of the '='");
    refuses("[s]\na=1\nrefuse = it\nnonsense\n", "line 3: refused 'it'");
    refuses_text(STR("[s]\na=\0b\n"), "line 2: the line holds a NUL character");
}

/* One character more than fits is an error, and what fits arrives whole. */
static void cuts_nothing_in_silence(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;

    buf_printf(&text, "[%050d]\na=1\n", 0);
    refuses(text.data, "line 1: the section's name is longer than 49 characters");
    buf_clear(&text);
    buf_printf(&text, "[s]\n%050d = 1\n", 0);
    refuses(text.data, "line 2: the name is longer than 49 characters");
    buf_clear(&text);
    buf_printf(&text, "[s]\na=%08191d\n", 0);
    refuses(text.data, "line 2: the line is longer than 8192 characters");

    buf_clear(&text);
    buf_printf(&text, "[%049d]\n%048d=%08143d\r\n", 1, 2, 3);
    struct buf want = BUF_INIT;
    buf_printf(&want, "2[%049d]%048d=%08143d", 1, 2, 3);
    refuses(text.data, "line 2: the line is longer than 8192 characters");
    buf_clear(&text);
    buf_clear(&want);
    buf_printf(&text, "[%049d]\n%049d=%08141d\r\n", 1, 2, 3);
    buf_printf(&want, "2[%049d]%049d=%08141d|", 1, 2, 3);
    reads(text.data, want.data);
    buf_done(&want);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_lines_and_sections),
        cmocka_unit_test(deeper_lines_continue_and_indentation_does_not),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(cuts_nothing_in_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
