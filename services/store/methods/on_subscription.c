/* Methods about subscriptions: find, list, link, and what a buyer may change. */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "services/store/methods/handlers.h"
#include "services/store/tables/contacts.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/marks.h"

enum { PAGE_LIMIT = 10000, PAGE_BYTES = 768 * 1024 };

static enum rpc_error unknown(struct work *work, struct str id)
{
    error_set(work->error, "there is no subscription '" STR_FMT "'", STR_ARG(id));
    return ERROR_NOT_FOUND;
}

enum rpc_error on_find(struct work *work)
{
    const struct find_params *params = work->params;
    struct subscriptions_result *result = work->result;

    result->subscriptions =
        records_find(work->books->db, params->handle, params->product, work->arena);
    return ERROR_NONE;
}

enum rpc_error on_list(struct work *work)
{
    const struct list_params *params = work->params;
    struct subscriptions_result *result = work->result;
    int64_t limit = params->limit < 1 ? 1 : params->limit > PAGE_LIMIT ? PAGE_LIMIT : params->limit;

    result->subscriptions = records_page(work->books->db, params->after, params->product,
                                         (size_t)limit, PAGE_BYTES, work->arena, &result->next);
    return ERROR_NONE;
}

/* Of several, the one that has not ended and that nothing renewed. */
static size_t count_alive(const struct books *books, const struct subscription_list *found,
                          struct subscription *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i].successor.len > 0 ||
            record_state(&found->items[i], &books->policy, clock_wall_s(), false) == STATE_ENDED)
            continue;
        *ret = found->items[i];
        count++;
    }
    return count;
}

static enum rpc_error find_one(struct work *work, struct str handle, struct str product,
                               struct subscription *ret)
{
    struct subscription_list found = records_find(work->books->db, handle, product, work->arena);
    struct buf ids = BUF_INIT;

    if (found.count == 0)
        return unknown(work, handle);
    if (found.count == 1) {
        *ret = found.items[0];
        return ERROR_NONE;
    }
    if (count_alive(work->books, &found, ret) == 1)
        return ERROR_NONE;
    for (size_t i = 0; i < found.count; i++)
        buf_printf(&ids, " " STR_FMT, STR_ARG(found.items[i].id));
    error_set(work->error, "'" STR_FMT "' leads to several subscriptions, name one:%s",
              STR_ARG(handle), ids.data);
    buf_done(&ids);
    return ERROR_CONFLICT;
}

/* A tenant may tell whom a licence renews that nobody could tell before. */
static void ask_about_undecided(struct work *work, const struct subscription *linked)
{
    struct subscription_list found =
        records_find(work->change->db, linked->account_id, linked->product_code, work->arena);

    for (size_t i = 0; i < found.count; i++) {
        if (record_evidence(&found.items[i]).undecided_at != 0)
            marks_mark(work->change, work->books->due, found.items[i].id, DUE_EXPIRY,
                       STR("a subscription of its account was linked"));
    }
}

enum rpc_error on_link(struct work *work)
{
    const struct link_params *params = work->params;
    struct subscription_result *result = work->result;
    struct subscription before, *record = arena_alloc(work->arena, sizeof(*record));

    enum rpc_error code = find_one(work, params->handle, params->product, &before);
    if (code != ERROR_NONE)
        return code;
    work->change->origin.cause = params->cause ? params->cause : CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    *record = before;
    record->tenant = params->tenant;
    if (records_update(work->change, &before, record) == RECORD_CHANGED)
        ask_about_undecided(work, record);
    result->subscription = record;
    return ERROR_NONE;
}

static bool belongs_to_another(const struct subscription *other, const struct subscription *ours)
{
    bool same_account = ours->account_id.len > 0 && str_eq(ours->account_id, other->account_id);

    return !same_account && !str_eq(other->id, ours->id);
}

static bool leads_to_another(struct work *work, struct str handle, const struct subscription *ours)
{
    struct subscription_list found =
        records_find(work->change->db, handle, STR_NONE, &work->change->arena);

    for (size_t i = 0; i < found.count; i++) {
        if (belongs_to_another(&found.items[i], ours))
            return true;
    }
    return false;
}

/* What a buyer types is no proof of who the buyer is: nobody may put a purchase into somebody
 * else's tenant. Looked up and linked in one transaction: of two who type the same one is refused.
 */
enum rpc_error on_link_typed(struct work *work)
{
    const struct link_typed_params *params = work->params;
    struct subscription_result *result = work->result;
    struct subscription before, *record = arena_alloc(work->arena, sizeof(*record));

    if (!records_resolve(work->change->db, params->subscription, work->arena, &before))
        return unknown(work, params->subscription);
    if (before.tenant.len > 0 && !str_eq(before.tenant, params->tenant)) {
        error_set(work->error, "it has another tenant id");
        return ERROR_CONFLICT;
    }
    if (params->tenant.len == 0 || leads_to_another(work, params->tenant, &before)) {
        error_set(work->error, "this tenant id leads to another customer");
        return ERROR_CONFLICT;
    }
    work->change->origin.cause = CAUSE_REGISTRATION;
    *record = before;
    record->tenant = params->tenant;
    records_update(work->change, &before, record);
    result->subscription = record;
    return ERROR_NONE;
}

enum rpc_error on_contact_put(struct work *work)
{
    const struct contact_put_params *params = work->params;
    struct subscription record;

    if (!records_resolve(work->books->db, params->subscription, work->arena, &record))
        return unknown(work, params->subscription);
    if (params->author.len > 0)
        work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    contacts_put(work->change, record.id, &params->fields);
    journal_append(work->change, &(struct journal_entry){.subscription = record.id,
                                                         .version = record.version,
                                                         .event = AUDIT_CONTACT,
                                                         .change = params->fields.count > 0
                                                                       ? STR("contact kept")
                                                                       : STR("contact erased")});
    return ERROR_NONE;
}

enum rpc_error on_contact_get(struct work *work)
{
    const struct subscription_params *params = work->params;
    struct subscription record;

    if (!records_resolve(work->books->db, params->subscription, work->arena, &record))
        return unknown(work, params->subscription);
    contacts_get(work->books->db, record.id, work->arena, work->result);
    return ERROR_NONE;
}
