/* A form, a query, a cookie: names and values as browsers send them, and as pages show them. */
#include <string.h>

#include "common/base/escape.h"
#include "common/base/mem.h"
#include "common/http/server/internal.h"
#include "services/registrar/form_fields.h"
#include "tests/fuzz/fuzz.h"

static void show(struct str text, struct arena *arena)
{
    cleanup(buf_done) struct buf html = BUF_INIT, escaped = BUF_INIT;

    escape_markup(&html, text);
    for (size_t i = 0; i < html.len; i++)
        FUZZ_HOLDS(!strchr("<>\"'", html.data[i]) || html.data[i] == '\0');
    escape_percent(&escaped, text);
    FUZZ_HOLDS(str_eq(percent_decode(arena, buf_str(&escaped), true), text));
    FUZZ_HOLDS(text.len == 0 || memchr(text.ptr, '\0', text.len) ||
               !has_bad_escape(buf_str(&escaped)));
}

static void judge(struct str text, struct arena *arena)
{
    static const char *items[] = {"company:text:required", "phone:tel", "site:url",
                                  "tenant:tenant"};
    const struct config_list list = {items, sizeof(items) / sizeof(items[0])};
    struct form_answer answers[8] = {{{0}, {0}}};
    struct form form = {0};
    struct error error = {""};

    FUZZ_HOLDS(form_build(&form, &list, arena, &error) == 0);
    for (size_t i = 0; i < form.count; i++)
        answers[i].value = text;
    form_judge(&form, answers);
    for (size_t i = 0; i < form.count; i++)
        FUZZ_HOLDS(answers[i].problem.len > 0 || str_is_utf8(answers[i].value));
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;

    for (const struct pair *pair = parse_pairs(&arena, input); pair; pair = pair->next) {
        show(pair->name, &arena);
        show(pair->value, &arena);
        judge(pair->value, &arena);
    }
    percent_decode(&arena, input, false);
    show(input, &arena);
}
