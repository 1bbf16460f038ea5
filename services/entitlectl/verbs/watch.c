/* watch: the journal's entries as they are committed. The feed says that there are some; the
 * journal says which, so that entries are shown even if a full queue lost their event. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/endpoint/feed.h"
#include "proto/suite/suite.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/verbs/history.h"
#include "services/entitlectl/verbs/verbs.h"

enum { PAGE = 500, INCARNATION_SIZE = 65 };

struct watch {
    struct ctl *ctl;
    struct loop *loop;
    struct endpoint_context *context;
    struct feed_subscriber *feed;
    struct str handle; /* empty: everybody */
    int64_t left;      /* to show */
    bool limited;
    char incarnation[INCARNATION_SIZE]; /* "": nothing heard yet */
    int64_t shown;                      /* up to this commit */
    int code;
};

struct entries {
    struct journal_entry *items;
    size_t count, capacity;
};

static void add(struct ctl *ctl, struct entries *entries, const struct journal_entry *entry)
{
    if (entries->count == entries->capacity) {
        size_t wider = entries->capacity ? 2 * entries->capacity : PAGE;
        struct journal_entry *items = arena_alloc_array(&ctl->arena, wider, sizeof(*items));
        if (entries->count > 0)
            memcpy(items, entries->items, entries->count * sizeof(*items));
        entries->items = items;
        entries->capacity = wider;
    }
    entries->items[entries->count++] = *entry;
}

/* Of one subscription, or of all if it is empty. */
static int gather(struct watch *watch, struct str subscription, struct entries *entries)
{
    struct history_params params = {.limit = PAGE, .subscription = subscription};
    const void *result;

    for (;;) {
        int code = ctl_ask_store(watch->ctl, METHOD_store_journal, &params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct journal_result *page = result;
        for (size_t i = 0; i < page->entries.count; i++) {
            if (page->entries.items[i].seq <= watch->shown)
                return EXIT_DONE;
            add(watch->ctl, entries, &page->entries.items[i]);
        }
        if (str_is_empty(page->next))
            return EXIT_DONE;
        params.before = page->next;
    }
}

struct gathering {
    struct ctl *ctl;
    struct entries *entries;
};

static void add_override(void *arg, const struct journal_entry *entry)
{
    const struct gathering *gathering = arg;

    add(gathering->ctl, gathering->entries, entry);
}

/* Looked up each time: a customer that is not known yet may register meanwhile. */
static int gather_handle(struct watch *watch, struct entries *entries)
{
    struct find_params params = {.handle = watch->handle};
    const void *result;
    int code = ctl_ask_store(watch->ctl, METHOD_store_find, &params, &result);

    if (code != EXIT_DONE)
        return code;
    const struct subscription_list *found =
        &((const struct subscriptions_result *)result)->subscriptions;
    for (size_t i = 0; i < found->count && code == EXIT_DONE; i++)
        code = gather(watch, found->items[i].id, entries);
    if (code == EXIT_DONE)
        code = journal_each_override(watch->ctl, watch->handle, found, watch->shown, add_override,
                                     &(struct gathering){.ctl = watch->ctl, .entries = entries});
    return code;
}

static void print(struct watch *watch, const struct journal_entry *entry)
{
    struct ctl *ctl = watch->ctl;
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(json_freep) struct json *json = NULL;

    table_init_plain(&table, 6);
    if (ctl->json) {
        json = shape_to_json(&shape_journal_entry, entry);
        json_write(json, &ctl->out);
        buf_append_text(&ctl->out, "\n");
    } else {
        journal_row(&table, entry);
        table_write(&table, &ctl->out);
    }
}

static void print_all(struct watch *watch, struct entries *entries)
{
    struct ctl *ctl = watch->ctl;

    qsort(entries->items, entries->count, sizeof(*entries->items), journal_newest_first);
    for (size_t i = entries->count; i > 0 && watch->left > 0; i--) {
        const struct journal_entry *entry = &entries->items[i - 1];
        if (i < entries->count && journal_newest_first(entry, entry + 1) == 0)
            continue;
        print(watch, entry);
        watch->shown = entry->seq > watch->shown ? entry->seq : watch->shown;
        watch->left -= watch->limited;
    }
    fwrite(ctl->out.data, 1, ctl->out.len, stdout);
    fflush(stdout);
    buf_clear(&ctl->out);
}

/* If the store goes away meanwhile, it is asked when its feed is heard again. */
static void show(struct watch *watch, int64_t seq)
{
    struct ctl *ctl = watch->ctl;
    struct arena kept = ctl->arena;
    struct entries entries = {.count = 0};

    ctl->arena = ARENA_INIT;
    int code =
        watch->handle.len > 0 ? gather_handle(watch, &entries) : gather(watch, STR_NONE, &entries);
    if (code == EXIT_DONE) {
        if (entries.count > 0)
            print_all(watch, &entries);
        watch->shown = seq > watch->shown ? seq : watch->shown;
    } else {
        ctl->error.text[0] = '\0';
        ctl->code = ERROR_NONE;
    }
    arena_done(&ctl->arena);
    ctl->arena = kept;
    if (watch->left == 0 || ferror(stdout))
        loop_stop(watch->loop);
}

static void begin(struct watch *watch, struct str incarnation, int64_t shown)
{
    if (*watch->incarnation)
        fprintf(stderr, "entitlectl: this is another store than before\n");
    snprintf(watch->incarnation, sizeof(watch->incarnation), STR_FMT, STR_ARG(incarnation));
    watch->shown = shown;
    fprintf(stderr, "entitlectl: watching from commit %" PRId64 " on\n", shown + 1);
}

static void on_event(void *arg, enum event_id event, const void *params)
{
    struct watch *watch = arg;
    const struct commit_event *commit = params;
    const struct heartbeat_event *heartbeat = params;
    bool is_commit = event == EVENT_feed_commit;
    struct str incarnation = is_commit ? commit->incarnation : heartbeat->incarnation;
    int64_t seq = is_commit ? commit->seq : heartbeat->seq;

    if (!str_eq_text(incarnation, watch->incarnation))
        begin(watch, incarnation, is_commit ? seq - 1 : seq);
    if (seq > watch->shown)
        show(watch, seq);
}

static int open_feed(struct watch *watch)
{
    struct ctl *ctl = watch->ctl;
    struct config_list addresses = settings_store_feed_endpoint(ctl->settings, &ctl->arena);

    if (suite_expect_store(watch->context, ctl->settings, "entitlectl", &addresses, &ctl->error) <
            0 ||
        feed_subscriber_open(&watch->feed, watch->loop, watch->context, &addresses, on_event, watch,
                             &ctl->error) < 0)
        return EXIT_FAILED;
    return EXIT_DONE;
}

int verb_watch(struct ctl *ctl)
{
    struct watch watch = {.ctl = ctl,
                          .handle = arguments_at(&ctl->arguments, 0),
                          .limited = arguments_flag(&ctl->arguments, "limit")};
    const void *result;
    int code = ctl_option_count(ctl, "limit", 1, &watch.left);

    /* A missing store is reported at once. */
    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_ping, NULL, &result);
    if (code != EXIT_DONE)
        return code;
    watch.context = endpoint_context_new();
    watch.loop = loop_new();
    code = open_feed(&watch);
    if (code == EXIT_DONE)
        loop_run(watch.loop);
    feed_subscriber_close(watch.feed);
    loop_free(watch.loop);
    endpoint_context_free(watch.context);
    return code;
}
