#include "services/store/tables/notifications.h"

#include <inttypes.h>
#include <string.h>

#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/tables/records.h"

enum { NUMBER_SIZE = 8, PAGE_LIMIT = 1000, PAGE_BYTES = 512 * 1024 };

/* The number as it is shown: its texts sort as the numbers do. */
static struct str id_of(struct arena *arena, uint64_t number)
{
    return arena_printf(arena, "n-%016" PRIx64, number);
}

static struct str of_key(struct arena *arena, struct str subscription, struct str number)
{
    char *key = arena_alloc(arena, subscription.len + 1 + number.len);

    memcpy(key, subscription.ptr, subscription.len);
    if (number.len > 0)
        memcpy(key + subscription.len + 1, number.ptr, number.len);
    return str_from(key, subscription.len + 1 + number.len);
}

static uint64_t last_number(struct db *db)
{
    struct db_cursor cursor = db_descend(db, TABLE_NOTIFICATIONS, STR_NONE);
    struct str key;
    uint64_t number = db_step(&cursor, &key, NULL) ? db_read_u64(key) : 0;

    db_cursor_done(&cursor);
    return number;
}

/* What a message is known by when it comes again: the sender's id, and AWS's own key of an event,
 * which another copy of it shares though its id is new (AWS Marketplace buyer guide, "Amazon
 * EventBridge events for agreements": requestId). One request may lead to events of several types.
 * No text has NUL in it, so that an id is no such key. */
struct event_keys {
    struct str list[2];
    size_t count;
};

static struct event_keys keys_of(const struct notification *message, struct arena *arena)
{
    struct event_keys keys = {0};
    struct buf key = BUF_INIT;
    const struct str parts[] = {message->type, message->request_id, message->agreement_id,
                                license_key(message->license)};

    if (message->event_id.len > 0)
        keys.list[keys.count++] = message->event_id;
    if (message->request_id.len > 0) {
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            buf_append_char(&key, '\0');
            buf_append_str(&key, parts[i]);
        }
        keys.list[keys.count++] = arena_str(arena, buf_str(&key));
    }
    buf_done(&key);
    return keys;
}

static bool parse_id(struct str text, struct arena *arena, struct str *ret_number)
{
    uint64_t number = 0;

    if (text.len != 18 || !str_starts_with(text, STR("n-")))
        return false;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret_number = db_key_u64(arena, number);
    return true;
}

bool notifications_have(struct db *db, const struct notification *message, struct arena *arena)
{
    struct event_keys keys = keys_of(message, arena);

    for (size_t i = 0; i < keys.count; i++) {
        if (db_has(db, TABLE_EVENTS, keys.list[i]))
            return true;
    }
    return false;
}

struct str notifications_new_id(struct change *change)
{
    return id_of(&change->arena, last_number(change->db) + 1);
}

void notifications_put(struct change *change, const struct notification *message)
{
    struct notification row = *message;
    struct event_keys keys = keys_of(message, &change->arena);
    struct str number;

    if (!parse_id(message->id, &change->arena, &number))
        return;
    row.body = STR_NONE;
    change_put(change, TABLE_NOTIFICATIONS, number, &shape_notification, &row);
    if (message->body.len > 0)
        db_put(change->db, TABLE_BODIES, number, message->body);
    for (size_t i = 0; message->outcome != OUTCOME_DUPLICATE && i < keys.count; i++)
        db_put(change->db, TABLE_EVENTS, keys.list[i], number);
    for (size_t i = 0; i < message->subscriptions.count; i++)
        db_put(change->db, TABLE_NOTIFICATIONS_OF,
               of_key(&change->arena, message->subscriptions.items[i], number), STR_NONE);
}

struct page {
    struct db *db;
    struct arena *arena;
    struct notifications_result *result;
    size_t limit;
    size_t bytes;
};

/* False: the page is full, and ends before this one. */
static bool page_add(struct page *page, struct str bytes)
{
    struct notification_list *list = &page->result->notifications;
    struct error error;

    if (list->count == page->limit || page->bytes >= PAGE_BYTES) {
        page->result->next = list->items[list->count - 1].id;
        return false;
    }
    if (codec_decode(&shape_notification, bytes, page->arena, &list->items[list->count], &error) <
        0)
        log_error("a message cannot be read; it is left out", LOG_TEXT("why", error.text));
    else
        list->count++;
    page->bytes += bytes.len;
    return true;
}

static void list_all(struct page *page, struct str before)
{
    struct db_cursor cursor = db_descend(page->db, TABLE_NOTIFICATIONS, before);
    struct str key, value;

    while (db_step(&cursor, &key, &value) && page_add(page, arena_str(page->arena, value)))
        ;
    db_cursor_done(&cursor);
}

static void list_of(struct page *page, struct str subscription, struct str before)
{
    struct str prefix = of_key(page->arena, subscription, STR_NONE);
    struct str last =
        of_key(page->arena, subscription, STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    struct db_cursor cursor =
        db_descend(page->db, TABLE_NOTIFICATIONS_OF,
                   before.len > 0 ? of_key(page->arena, subscription, before) : last);
    struct str key, value;

    while (db_step(&cursor, &key, NULL) && str_starts_with(key, prefix)) {
        struct str number = str_from(key.ptr + prefix.len, key.len - prefix.len);
        if (db_get(page->db, TABLE_NOTIFICATIONS, number, page->arena, &value) &&
            !page_add(page, value))
            break;
    }
    db_cursor_done(&cursor);
}

int notifications_list(struct db *db, const struct history_params *params, struct arena *arena,
                       struct notifications_result *ret, struct error *error)
{
    struct str before = STR_NONE;
    size_t limit = params->limit < 1            ? 1
                   : params->limit > PAGE_LIMIT ? PAGE_LIMIT
                                                : (size_t)params->limit;
    struct page page = {.db = db, .arena = arena, .result = ret, .limit = limit};

    if (params->before.len > 0 && !parse_id(params->before, arena, &before))
        return error_set(error, "'before' must be the 'next' of a page before");
    *ret = (struct notifications_result){0};
    ret->notifications.items = arena_alloc_array(arena, limit, sizeof(struct notification));
    if (params->subscription.len > 0)
        list_of(&page, params->subscription, before);
    else
        list_all(&page, before);
    return 0;
}

void notifications_move(struct change *change, struct str from, struct str to)
{
    struct str prefix = of_key(&change->arena, from, STR_NONE);
    struct db_cursor cursor = db_ascend(change->db, TABLE_NOTIFICATIONS_OF, prefix);
    struct str key;

    while (db_step(&cursor, &key, NULL) && str_starts_with(key, prefix)) {
        struct str old = arena_str(&change->arena, key);
        struct str number = str_from(old.ptr + prefix.len, old.len - prefix.len);
        db_remove(change->db, TABLE_NOTIFICATIONS_OF, old);
        db_put(change->db, TABLE_NOTIFICATIONS_OF, of_key(&change->arena, to, number), STR_NONE);
    }
    db_cursor_done(&cursor);
}

/* Messages are listed under the subscriptions they marked, or those they were merged into. */
static struct index_entries listed_under(struct db *db, const struct notification *message,
                                         struct str number, struct arena *arena)
{
    const struct str_list *marked = &message->subscriptions;
    struct index_entries entries = {
        .items = arena_alloc_array(arena, marked->count, sizeof(*entries.items))};

    for (size_t i = 0; i < marked->count; i++) {
        struct str owner = records_owner(db, marked->items[i], arena);
        entries.items[entries.count++] = (struct index_entry){
            .key = of_key(arena, owner.len > 0 ? owner : marked->items[i], number),
            .of_anyone = owner.len == 0};
    }
    return entries;
}

static bool decode(struct str bytes, struct arena *arena, struct notification *ret)
{
    struct error error;

    return codec_decode(&shape_notification, bytes, arena, ret, &error) == 0;
}

bool notifications_get(struct db *db, struct str id, struct arena *arena, struct notification *ret)
{
    struct str number, bytes;

    if (!parse_id(id, arena, &number) || !db_get(db, TABLE_NOTIFICATIONS, number, arena, &bytes) ||
        !decode(bytes, arena, ret))
        return false;
    db_get(db, TABLE_BODIES, number, arena, &ret->body);
    return true;
}

static bool entries_by_subscription(struct db *db, struct str key, struct str value,
                                    struct arena *arena, struct index_entries *ret)
{
    struct notification message;

    if (!decode(value, arena, &message))
        return false;
    *ret = listed_under(db, &message, key, arena);
    return true;
}

static struct str number_in(struct str key, struct str value)
{
    (void)value;
    return key.len > NUMBER_SIZE ? str_from(key.ptr + key.len - NUMBER_SIZE, NUMBER_SIZE)
                                 : STR_NONE;
}

const struct index_rule notifications_by_subscription = {.name = "notifications by subscription",
                                                         .source = TABLE_NOTIFICATIONS,
                                                         .index = TABLE_NOTIFICATIONS_OF,
                                                         .entries_of = entries_by_subscription,
                                                         .source_of = number_in};

/* A duplicate is found by the entries of the first. */
static struct index_entries entries_of_event(const struct notification *message, struct str number,
                                             struct arena *arena)
{
    struct event_keys keys = keys_of(message, arena);
    struct index_entries entries = {
        .items = arena_alloc_array(arena, keys.count, sizeof(*entries.items))};

    for (size_t i = 0; message->outcome != OUTCOME_DUPLICATE && i < keys.count; i++)
        entries.items[entries.count++] = (struct index_entry){.key = keys.list[i], .value = number};
    return entries;
}

static bool entries_by_event(struct db *db, struct str key, struct str value, struct arena *arena,
                             struct index_entries *ret)
{
    struct notification message;

    (void)db;
    if (!decode(value, arena, &message))
        return false;
    *ret = entries_of_event(&message, key, arena);
    return true;
}

static struct str number_of_event(struct str key, struct str value)
{
    (void)key;
    return value;
}

const struct index_rule notifications_by_event = {.name = "notifications by event",
                                                  .source = TABLE_NOTIFICATIONS,
                                                  .index = TABLE_EVENTS,
                                                  .entries_of = entries_by_event,
                                                  .source_of = number_of_event};

static void remove_row(struct change *change, struct str number, const struct notification *message)
{
    struct index_entries listed = listed_under(change->db, message, number, &change->arena);
    struct index_entries known_by = entries_of_event(message, number, &change->arena);

    db_remove(change->db, TABLE_NOTIFICATIONS, number);
    db_remove(change->db, TABLE_BODIES, number);
    for (size_t i = 0; i < known_by.count; i++)
        db_remove(change->db, TABLE_EVENTS, known_by.items[i].key);
    for (size_t i = 0; i < listed.count; i++)
        db_remove(change->db, TABLE_NOTIFICATIONS_OF, listed.items[i].key);
}

size_t notifications_prune(struct change *change, int64_t before_s, size_t limit)
{
    uint64_t last = last_number(change->db); /* stays: it is the counter */
    struct db_cursor cursor = db_ascend(change->db, TABLE_NOTIFICATIONS, STR_NONE);
    struct str key, value;
    size_t count = 0;

    while (count < limit && db_step(&cursor, &key, &value) && db_read_u64(key) < last) {
        struct notification message = {0};
        bool readable = decode(arena_str(&change->arena, value), &change->arena, &message);
        if (readable && message.received_at >= before_s)
            break;
        remove_row(change, arena_str(&change->arena, key), &message);
        count++;
    }
    db_cursor_done(&cursor);
    return count;
}
