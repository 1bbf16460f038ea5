/* Templates: what they fill in, what they escape, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/registrar/templates.h"

static int load(struct templates **ret, const char *text, struct error *error)
{
    const struct embedded_file files[] = {
        {"page", (const unsigned char *)text, strlen(text)},
        {"part", (const unsigned char *)"<{{name}}>", strlen("<{{name}}>")},
        {NULL, NULL, 0},
    };

    return templates_load(ret, files, "", error);
}

static struct values *make_values(struct arena *arena)
{
    struct values *values = values_new(arena);

    values_set_text(values, "name", "A&B <\"'>");
    values_set_text(values, "empty", "");
    values_set_text(values, "outer", "o");
    values_set_text(values_add(values, "rows"), "cell", "1");
    values_set_text(values_add(values, "rows"), "cell", "{{name}}");
    return values;
}

static void expect(const char *text, const char *want)
{
    struct arena arena = ARENA_INIT;
    struct templates *templates = NULL;
    cleanup(buf_done) struct buf out = BUF_INIT;

    assert_int_equal(load(&templates, text, NULL), 0);
    templates_render(templates, "page", make_values(&arena), &out);
    assert_true(str_eq(buf_str(&out), str_of(want)));
    templates_free(templates);
    arena_done(&arena);
}

static void fills_gaps_and_always_escapes(void **state)
{
    (void)state;

    expect("plain } text { only", "plain } text { only");
    expect("<a title=\"{{name}}\">", "<a title=\"A&amp;B &lt;&quot;&#39;&gt;\">");
    expect("{{ name }}{{absent}}.", "A&amp;B &lt;&quot;&#39;&gt;.");
    expect("", "");
}

static void sections_follow_what_is_there(void **state)
{
    (void)state;

    expect("{{#outer}}yes{{/outer}}{{^outer}}no{{/outer}}", "yes");
    expect("{{#empty}}yes{{/empty}}{{^empty}}no{{/empty}}{{#absent}}x{{/absent}}", "no");
    expect("{{#rows}}[{{cell}}{{outer}}]{{/rows}}{{^rows}}none{{/rows}}", "[1o][{{name}}o]");
    expect("{{#rows}}{{#outer}}{{cell}}{{/outer}}{{/rows}}", "1{{name}}");
}

static void includes_others(void **state)
{
    (void)state;

    expect("a{{>part}}b", "a<A&amp;B &lt;&quot;&#39;&gt;>b");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"a\nb {{name", "template page:2: a {{ has no }}"},
        {"{{#rows}}\n", "template page:2: there is no {{/rows}}"},
        {"{{/rows}}", "template page:1: no section is open for {{/rows}}"},
        {"{{#a}}{{/b}}", "template page:1: no section is open for {{/b}}"},
        {"{{}}", "template page:1: a name is missing between {{ and }}"},
        {"{{{name}}}", "template page:1: this is not a name: {{{name}}"},
        {"{{&name}}", "template page:1: this is not a name: {{&name}}"},
        {"{{>nobody}}", "template page: there is no template 'nobody'"},
        {"{{>page}}", "template page: templates include each other"},
        {"\xff", "template page: it is not UTF-8"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct templates *templates = NULL;
        struct error error = {""};
        assert_int_equal(load(&templates, cases[i].text, &error), -1);
        assert_string_equal(error.text, cases[i].problem);
    }
}

static void deep_nesting_ends(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct templates *templates = NULL;

    for (int i = 0; i < 10000; i++)
        buf_append_text(&text, "{{#a}}");
    assert_int_equal(load(&templates, text.data, NULL), -1);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void remove_file(const char *directory, const char *name)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s", directory, name);

    assert_int_equal(unlink(path), 0);
}

static void the_vendors_own_come_first(void **state)
{
    (void)state;
    const struct embedded_file files[] = {
        {"head.html", (const unsigned char *)"ours", 4},
        {"page.html", (const unsigned char *)"{{>head.html}} page", 19},
        {NULL, NULL, 0},
    };
    char directory[] = "/tmp/templates_test.XXXXXX";
    struct arena arena = ARENA_INIT;
    struct templates *templates = NULL;
    struct error error = {""};
    cleanup(buf_done) struct buf out = BUF_INIT;

    assert_non_null(mkdtemp(directory));
    write_file(directory, "head.html", "theirs");
    write_file(directory, "token_dead.html", "own");
    write_file(directory, "notes.txt", "{{");
    assert_int_equal(templates_load(&templates, files, directory, &error), 0);
    templates_render(templates, "page.html", values_new(&arena), &out);
    assert_true(str_eq(buf_str(&out), STR("theirs page")));
    assert_true(templates_has(templates, "token_dead.html"));
    assert_false(templates_has(templates, "notes.txt"));
    templates_free(templates);

    write_file(directory, "head.html", "{{");
    assert_int_equal(templates_load(&templates, files, directory, &error), -1);
    assert_string_equal(error.text, "template head.html:1: a {{ has no }}");
    remove_file(directory, "head.html");
    remove_file(directory, "token_dead.html");
    remove_file(directory, "notes.txt");
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(templates_load(&templates, files, directory, &error), -1);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_gaps_and_always_escapes),
        cmocka_unit_test(sections_follow_what_is_there),
        cmocka_unit_test(includes_others),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(the_vendors_own_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
