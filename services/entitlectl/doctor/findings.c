#include "services/entitlectl/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "services/entitlectl/print/table.h"

enum { TEXT_SIZE = 1001 };

static const char *const level_names[] = {
    [FINDING_OK] = "ok",
    [FINDING_WARNING] = "warning",
    [FINDING_UNKNOWN] = "unknown",
    [FINDING_WRONG] = "wrong",
};

void findings_done(struct findings *findings)
{
    mem_free(findings->items);
    arena_done(&findings->arena);
}

static struct finding *new_finding(struct findings *findings)
{
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? 2 * findings->capacity : 32;
        findings->items =
            mem_realloc(findings->items, findings->capacity * sizeof(*findings->items));
    }
    return &findings->items[findings->count++];
}

void findings_add(struct findings *findings, size_t place, enum finding_level level,
                  const char *look, struct str subject, const char *advice, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    str_mend_utf8(text);
    *new_finding(findings) = (struct finding){
        .place = place,
        .level = level,
        .look = look,
        .subject = arena_str(&findings->arena, subject),
        .text = arena_str(&findings->arena, str_of(text)),
        .advice = arena_str(&findings->arena, str_of(advice)),
    };
}

enum finding_level findings_worst(const struct findings *findings)
{
    enum finding_level worst = FINDING_OK;

    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level > worst)
            worst = findings->items[i].level;
    }
    return worst;
}

void findings_sort(struct findings *findings)
{
    for (size_t i = 1; i < findings->count; i++) {
        struct finding moved = findings->items[i];
        size_t at = i;
        for (; at > 0 && findings->items[at - 1].place > moved.place; at--)
            findings->items[at] = findings->items[at - 1];
        findings->items[at] = moved;
    }
}

/* "queue policy main" */
static struct str title_of(const struct finding *finding, struct arena *arena)
{
    struct str title =
        arena_printf(arena, "%s%s" STR_FMT, finding->look,
                     str_is_empty(finding->subject) ? "" : " ", STR_ARG(finding->subject));
    char *text = (char *)(uintptr_t)title.ptr;

    for (char *c = text; c < text + strlen(finding->look); c++) {
        if (*c == '_')
            *c = ' ';
    }
    return title;
}

void findings_write(const struct findings *findings, struct buf *out)
{
    struct table table;

    table_init_plain(&table, 3);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        struct str text = finding->text;
        if (finding->advice.len > 0)
            text = arena_printf(&table.arena, STR_FMT " -> " STR_FMT, STR_ARG(text),
                                STR_ARG(finding->advice));
        table_cell(&table, str_of(level_names[finding->level]));
        table_cell(&table, title_of(finding, &table.arena));
        table_cell(&table, text);
    }
    if (table.count > 0)
        table_write(&table, out);
    table_done(&table);
}

struct json *findings_json(const struct findings *findings)
{
    struct json *root = json_new_object(), *list = json_new_array(), *counts = json_new_object();
    int64_t count[FINDING_WRONG + 1] = {0};

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        struct json *item = json_new_object();
        count[finding->level]++;
        json_set_str(item, "level", str_of(level_names[finding->level]));
        json_set_str(item, "look", str_of(finding->look));
        if (finding->subject.len > 0)
            json_set_str(item, "subject", finding->subject);
        json_set_str(item, "text", finding->text);
        if (finding->advice.len > 0)
            json_set_str(item, "advice", finding->advice);
        json_add(list, item);
    }
    for (int level = FINDING_OK; level <= FINDING_WRONG; level++)
        json_set_integer(counts, level_names[level], count[level]);
    json_set(root, "findings", list);
    json_set(root, "counts", counts);
    return root;
}
