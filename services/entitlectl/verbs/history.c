/* journal and notifications: newest first, of everything or of one customer. */
#include <stdlib.h>
#include <string.h>

#include "proto/record/record.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/history.h"
#include "services/entitlectl/verbs/records.h"
#include "services/entitlectl/verbs/verbs.h"

enum { HISTORY_LIMIT = 100, PAGE = 500 };

/* The differences between the two histories. */
struct history {
    enum method_id method;
    const struct shape *shape; /* of an item */
    const char *member;        /* of the JSON document */
    const char *headers;
    /* The items and the next page of a result. */
    void (*open)(const void *result, const char **ret_items, size_t *ret_count,
                 struct str *ret_next);
    int (*newest_first)(const void *a, const void *b);
    void (*row)(struct table *table, const void *item);
};

static void open_journal(const void *result, const char **ret_items, size_t *ret_count,
                         struct str *ret_next)
{
    const struct journal_result *journal = result;

    *ret_items = (const char *)journal->entries.items;
    *ret_count = journal->entries.count;
    *ret_next = journal->next;
}

int journal_newest_first(const void *a, const void *b)
{
    const struct journal_entry *left = a, *right = b;

    if (left->seq != right->seq)
        return left->seq < right->seq ? 1 : -1;
    return (left->index < right->index) - (left->index > right->index);
}

void journal_row(struct table *table, const struct journal_entry *entry)
{
    table_cell_time(table, entry->time);
    table_cell_number(table, entry->seq);
    table_cell(table, str_is_empty(entry->subscription) ? entry->override : entry->subscription);
    table_cell(table, str_of(choice_text(&enumeration_cause, (int)entry->cause)));
    table_cell(table, entry->author);
    table_cell(table, entry->erased ? STR("(erased)") : entry->change);
}

static void row_of_entry(struct table *table, const void *item)
{
    journal_row(table, item);
}

static void open_notifications(const void *result, const char **ret_items, size_t *ret_count,
                               struct str *ret_next)
{
    const struct notifications_result *notifications = result;

    *ret_items = (const char *)notifications->notifications.items;
    *ret_count = notifications->notifications.count;
    *ret_next = notifications->next;
}

static int compare_notifications(const void *a, const void *b)
{
    const struct notification *left = a, *right = b;

    return str_compare(right->id, left->id);
}

static struct str subject_of(const struct notification *notification)
{
    struct str key = license_key(notification->license);

    if (!str_is_empty(key))
        return key;
    if (!str_is_empty(notification->customer_identifier))
        return notification->customer_identifier;
    return str_is_empty(notification->agreement_id) ? notification->account_id
                                                    : notification->agreement_id;
}

static void row_of_notification(struct table *table, const void *item)
{
    const struct notification *notification = item;
    struct str detail =
        str_is_empty(notification->status) ? notification->intent : notification->status;

    table_cell(table, notification->id);
    table_cell_time(table, notification->received_at);
    table_cell(table, notification->type);
    table_cell(table, detail);
    table_cell(table, subject_of(notification));
    table_cell(table, str_of(choice_text(&enumeration_outcome, (int)notification->outcome)));
    table_cell(table, notification->replay);
    table_cell_number(table, (int64_t)notification->subscriptions.count);
    table_cell(table, notification->problem);
}

static const struct history journal = {
    .method = METHOD_store_journal,
    .shape = &shape_journal_entry,
    .member = "entries",
    .headers = "TIME,SEQ,SUBSCRIPTION,CAUSE,BY,CHANGE",
    .open = open_journal,
    .newest_first = journal_newest_first,
    .row = row_of_entry,
};

static const struct history notifications = {
    .method = METHOD_store_notifications,
    .shape = &shape_notification,
    .member = "notifications",
    .headers = "ID,RECEIVED,TYPE,STATUS,ABOUT,OUTCOME,REPLAY,MARKED,PROBLEM",
    .open = open_notifications,
    .newest_first = compare_notifications,
    .row = row_of_notification,
};

struct gathering {
    const struct history *history;
    struct buf items; /* one after the other */
    size_t count;
    size_t limit;
};

/* Of one subscription, or of all if it is empty. */
static int gather(struct ctl *ctl, struct gathering *gathering, struct str subscription)
{
    struct history_params params = {.limit = PAGE, .subscription = subscription};
    size_t before = gathering->count;

    for (;;) {
        const char *items;
        const void *result;
        size_t count;
        int code = ctl_ask_store(ctl, gathering->history->method, &params, &result);
        if (code != EXIT_DONE)
            return code;
        gathering->history->open(result, &items, &count, &params.before);
        buf_append(&gathering->items, items, count * gathering->history->shape->size);
        gathering->count += count;
        if (str_is_empty(params.before) || gathering->count - before >= gathering->limit)
            return EXIT_DONE;
    }
}

static bool is_for(struct str handle, const struct subscription_list *records,
                   const struct journal_entry *entry)
{
    if (str_is_empty(entry->handle))
        return false;
    for (size_t i = 0; i < records->count; i++) {
        if (record_has_handle(&records->items[i], entry->handle))
            return true;
    }
    return str_eq(handle, entry->handle);
}

int journal_each_override(struct ctl *ctl, struct str handle,
                          const struct subscription_list *records, int64_t after_seq,
                          void (*visit)(void *arg, const struct journal_entry *entry), void *arg)
{
    struct history_params params = {.limit = PAGE, .overrides = true};

    do {
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_journal, &params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct journal_result *page = result;
        for (size_t i = 0; i < page->entries.count; i++) {
            const struct journal_entry *entry = &page->entries.items[i];
            if (entry->seq <= after_seq)
                return EXIT_DONE;
            if (is_for(handle, records, entry))
                visit(arg, entry);
        }
        params.before = page->next;
    } while (params.before.len > 0);
    return EXIT_DONE;
}

static void gather_override(void *arg, const struct journal_entry *entry)
{
    struct gathering *gathering = arg;

    buf_append(&gathering->items, (const char *)entry, sizeof(*entry));
    gathering->count++;
}

/* A handle that has only an override is known by that. */
static int gather_handle(struct ctl *ctl, struct gathering *gathering, struct str handle)
{
    static const struct subscription_list nobody;
    const struct subscription_list *records = &nobody;
    int found = records_find(ctl, handle, &records);
    int code = found == EXIT_REFUSED ? EXIT_DONE : found;

    for (size_t i = 0; i < records->count && code == EXIT_DONE; i++)
        code = gather(ctl, gathering, records->items[i].id);
    struct error unknown = ctl->error;
    if (code == EXIT_DONE && gathering->history == &journal)
        code = journal_each_override(ctl, handle, records, 0, gather_override, gathering);
    if (code != EXIT_DONE || found != EXIT_REFUSED)
        return code;
    if (gathering->count == 0) {
        ctl->error = unknown;
        return EXIT_REFUSED;
    }
    ctl->error.text[0] = '\0';
    ctl->code = ERROR_NONE;
    return EXIT_DONE;
}

/* Newest first; an item about several of a handle's subscriptions comes once. */
static size_t arrange(struct gathering *gathering)
{
    const struct history *history = gathering->history;
    size_t size = history->shape->size;
    size_t kept = 0;

    if (gathering->count == 0)
        return 0;
    qsort(gathering->items.data, gathering->count, size, history->newest_first);
    for (size_t i = 0; i < gathering->count && kept < gathering->limit; i++) {
        char *item = gathering->items.data + i * size;
        if (kept > 0 && history->newest_first(item - size, item) == 0)
            continue;
        memmove(gathering->items.data + kept++ * size, item, size);
    }
    return kept;
}

static void print(struct ctl *ctl, struct gathering *gathering)
{
    const struct history *history = gathering->history;
    cleanup(table_done) struct table table = {.columns = 0};
    struct json *root = json_new_object();
    struct json *list = json_new_array();
    size_t count = arrange(gathering);

    table_init(&table, history->headers);
    for (size_t i = 0; i < count; i++) {
        const char *item = gathering->items.data + i * history->shape->size;
        if (ctl->json)
            json_add(list, shape_to_json(history->shape, item));
        else
            history->row(&table, item);
    }
    json_set(root, history->member, list);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&table, &ctl->out);
    json_free(root);
}

static int run(struct ctl *ctl, const struct history *history)
{
    struct gathering gathering = {.history = history};
    struct str handle = arguments_at(&ctl->arguments, 0);
    int64_t limit;
    int code = ctl_option_count(ctl, "limit", HISTORY_LIMIT, &limit);

    gathering.limit = (size_t)limit;
    if (code == EXIT_DONE)
        code = str_is_empty(handle) ? gather(ctl, &gathering, STR_NONE)
                                    : gather_handle(ctl, &gathering, handle);
    if (code == EXIT_DONE)
        print(ctl, &gathering);
    buf_done(&gathering.items);
    return code;
}

int verb_journal(struct ctl *ctl)
{
    return run(ctl, &journal);
}

int verb_notifications(struct ctl *ctl)
{
    return run(ctl, &notifications);
}
