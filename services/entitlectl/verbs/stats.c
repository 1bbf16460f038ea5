/* stats: the figures of every process that answers, each asked by itself. */
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

struct figures {
    struct json *processes;
    struct table table;
    int code;
};

static void add(struct ctl *ctl, struct figures *figures, struct str process, const char *endpoint,
                const struct stats_result *stats)
{
    struct json *item = json_new_object();
    struct json *counters = json_new_object();

    for (size_t i = 0; i < stats->counters.count; i++) {
        const struct counter *counter = &stats->counters.items[i];
        cleanup(buf_done) struct buf value = BUF_INIT;
        format_number(&value, counter->value);
        table_cell(&figures->table, process);
        table_cell(&figures->table, counter->name);
        table_cell(&figures->table, buf_str(&value));
        json_set(counters, arena_str(&ctl->arena, counter->name).ptr,
                 json_new_number(counter->value));
    }
    if (!str_is_empty(stats->aws_credentials)) {
        table_cell(&figures->table, process);
        table_cell(&figures->table, STR("aws_credentials"));
        table_cell(&figures->table, stats->aws_credentials);
        json_set_str(item, "aws_credentials", stats->aws_credentials);
    }
    if (!str_is_empty(stats->aws_account)) {
        table_cell(&figures->table, process);
        table_cell(&figures->table, STR("aws_account"));
        table_cell(&figures->table, stats->aws_account);
        json_set_str(item, "aws_account", stats->aws_account);
    }
    json_set_str(item, "process", process);
    if (*endpoint)
        json_set_str(item, "endpoint", str_of(endpoint));
    json_set(item, "counters", counters);
    json_add(figures->processes, item);
}

/* Pollers and registrars answer no questions: the store has the figures that they reported,
 * "poller-1@host". */
static void add_reported(struct ctl *ctl, struct figures *figures,
                         const struct process_figures_list *processes)
{
    const struct str prefix = STR("entitled-");

    for (size_t i = 0; i < processes->count; i++) {
        const struct process_figures *process = &processes->items[i];
        const struct stats_result stats = {.counters = process->counters};
        struct str daemon = process->daemon;
        if (str_starts_with(daemon, prefix))
            daemon = str_from(daemon.ptr + prefix.len, daemon.len - prefix.len);
        add(ctl, figures,
            arena_printf(&ctl->arena, STR_FMT "-" STR_FMT "@" STR_FMT, STR_ARG(daemon),
                         STR_ARG(process->name), STR_ARG(process->host)),
            "", &stats);
    }
}

/* The others are shown even if one does not answer. */
static void ask(struct ctl *ctl, struct figures *figures, enum method_id method,
                const char *endpoint)
{
    struct nothing params;
    const void *result;
    int code = ctl_ask_at(ctl, endpoint, method, &params, &result);

    if (code != EXIT_DONE) {
        figures->code = EXIT_FAILED;
        return;
    }
    const struct stats_result *stats = result;
    add(ctl, figures, format_process(endpoint), endpoint, stats);
    add_reported(ctl, figures, &stats->processes);
}

int verb_stats(struct ctl *ctl)
{
    struct figures figures = {.processes = json_new_array()};
    struct json *root = json_new_object();
    struct config_list stores = ctl_store_endpoints(ctl);
    struct config_list checkers = ctl_checker_endpoints(ctl);

    table_init(&figures.table, "PROCESS,FIGURE,VALUE");
    json_set(root, "processes", figures.processes);
    if (stores.count > 0)
        ask(ctl, &figures, METHOD_store_stats, stores.items[0]);
    for (size_t i = 0; i < checkers.count; i++)
        ask(ctl, &figures, METHOD_query_stats, checkers.items[i]);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else if (figures.table.count > 0)
        table_write(&figures.table, &ctl->out);
    json_free(root);
    table_done(&figures.table);
    return figures.code;
}
