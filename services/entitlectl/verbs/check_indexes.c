/* check-indexes: part by part, so that the store serves others between them. */
#include <inttypes.h>

#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

struct findings {
    struct table table;
    struct json *list;
    struct check_indexes_result index; /* summed up so far */
    int64_t differing;                 /* of all indexes */
};

static void close_index(struct findings *findings)
{
    const struct check_indexes_result *index = &findings->index;
    struct json *item = json_new_object();

    json_set_str(item, "index", index->index);
    json_set_integer(item, "entries", index->entries);
    json_set_integer(item, "missing", index->missing);
    json_set_integer(item, "surplus", index->surplus);
    json_add(findings->list, item);
    table_cell(&findings->table, index->index);
    table_cell_number(&findings->table, index->entries);
    table_cell_number(&findings->table, index->missing);
    table_cell_number(&findings->table, index->surplus);
    findings->differing += index->missing + index->surplus;
}

static void add(struct findings *findings, const struct check_indexes_result *part)
{
    struct check_indexes_result *index = &findings->index;

    if (!str_eq(index->index, part->index)) {
        if (index->index.len > 0)
            close_index(findings);
        *index = (struct check_indexes_result){.index = part->index};
    }
    index->entries += part->entries;
    index->missing += part->missing;
    index->surplus += part->surplus;
}

static int ask_all(struct ctl *ctl, struct findings *findings)
{
    struct check_indexes_params params = {
        .report_only = arguments_flag(&ctl->arguments, "report-only"), .author = ctl_author(ctl)};

    do {
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_check_indexes, &params, &result);
        if (code != EXIT_DONE)
            return code;
        add(findings, result);
        params.position = ((const struct check_indexes_result *)result)->next;
    } while (params.position.len > 0);
    close_index(findings);
    return findings->differing > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static void print(struct ctl *ctl, struct findings *findings)
{
    bool report_only = arguments_flag(&ctl->arguments, "report-only");
    struct json *root = json_new_object();

    if (ctl->json) {
        json_set(root, "indexes", take(findings->list));
        json_set_integer(root, "differing", findings->differing);
        json_set_bool(root, "rebuilt", findings->differing > 0 && !report_only);
        json_write_pretty(root, &ctl->out);
    } else {
        table_write(&findings->table, &ctl->out);
        if (findings->differing == 0)
            buf_append_text(&ctl->out, "every index agrees with the records\n");
        else
            buf_printf(&ctl->out, "%" PRId64 " entries differed; %s\n", findings->differing,
                       report_only ? "nothing was rebuilt" : "rebuilt, and in the journal");
    }
    json_free(root);
}

int verb_check_indexes(struct ctl *ctl)
{
    struct findings findings = {.list = json_new_array()};

    table_init(&findings.table, "INDEX,ENTRIES,MISSING,SURPLUS");
    int code = ask_all(ctl, &findings);
    if (!*ctl->error.text)
        print(ctl, &findings);
    json_free(findings.list);
    table_done(&findings.table);
    return code;
}
