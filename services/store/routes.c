#include "services/store/handlers.h"
#include "services/store/store.h"

static work_fn *const handlers[METHOD_COUNT] = {
    [METHOD_store_register] = on_register,
    [METHOD_store_token_find] = on_token_find,
    [METHOD_store_reference_use] = on_reference_use,
    [METHOD_store_find] = on_find,
    [METHOD_store_list] = on_list,
    [METHOD_store_link] = on_link,
    [METHOD_store_contact_put] = on_contact_put,
    [METHOD_store_contact_get] = on_contact_get,
    [METHOD_store_notify] = on_notify,
    [METHOD_store_notifications] = on_notifications,
    [METHOD_store_journal] = on_journal,
    [METHOD_store_snapshot] = on_snapshot,
    [METHOD_store_changes] = on_changes,
    [METHOD_store_mark] = on_mark,
    [METHOD_store_apply] = on_claimed_apply,
    [METHOD_store_release] = on_release,
    [METHOD_store_due] = on_due,
    [METHOD_store_signing_keys] = on_signing_keys,
    [METHOD_store_signing_key_make] = on_signing_key_make,
    [METHOD_store_held] = on_held,
    [METHOD_store_held_decide] = on_held_decide,
    [METHOD_store_override_put] = on_override_put,
    [METHOD_store_override_remove] = on_override_remove,
    [METHOD_store_journal_verify] = on_journal_verify,
    [METHOD_store_journal_erase] = on_journal_erase,
    [METHOD_store_record_event] = on_record_event,
    [METHOD_store_check_indexes] = on_check_indexes,
    [METHOD_store_sweep] = on_sweep,
    [METHOD_store_sweeps] = on_sweeps,
    [METHOD_store_sweep_part] = on_claimed_sweep_part,
    [METHOD_store_sweep_finish] = on_claimed_sweep_finish,
    [METHOD_store_seller] = on_seller,
    [METHOD_store_seller_adopt] = on_seller_adopt,
};

static void reads(void *arg, struct rpc_request *request)
{
    store_read(arg, request, handlers[rpc_request_method(request)]);
}

static void writes(void *arg, struct rpc_request *request)
{
    store_write(arg, request, handlers[rpc_request_method(request)]);
}

const struct rpc_route store_routes[] = {
    {METHOD_store_register, writes},
    {METHOD_store_token_find, reads},
    {METHOD_store_reference_use, writes},
    {METHOD_store_find, reads},
    {METHOD_store_list, reads},
    {METHOD_store_link, writes},
    {METHOD_store_contact_put, writes},
    {METHOD_store_contact_get, reads},
    {METHOD_store_notify, writes},
    {METHOD_store_notifications, reads},
    {METHOD_store_journal, reads},
    {METHOD_store_snapshot, reads},
    {METHOD_store_changes, reads},
    {METHOD_store_mark, writes},
    {METHOD_store_wait, serve_wait},
    {METHOD_store_claim, serve_claim},
    {METHOD_store_apply, writes},
    {METHOD_store_release, writes},
    {METHOD_store_quota, serve_quota},
    {METHOD_store_throttled, serve_throttled},
    {METHOD_store_due, reads},
    {METHOD_store_announce, serve_announce},
    {METHOD_store_signing_keys, reads},
    {METHOD_store_signing_key_make, writes},
    {METHOD_store_held, reads},
    {METHOD_store_held_decide, writes},
    {METHOD_store_override_put, writes},
    {METHOD_store_override_remove, writes},
    {METHOD_store_journal_verify, reads},
    {METHOD_store_journal_erase, writes},
    {METHOD_store_record_event, writes},
    {METHOD_store_backup, serve_backup},
    {METHOD_store_check_indexes, writes},
    {METHOD_store_sweep, writes},
    {METHOD_store_sweeps, reads},
    {METHOD_store_sweep_part, writes},
    {METHOD_store_sweep_finish, writes},
    {METHOD_store_seller, reads},
    {METHOD_store_seller_adopt, writes},
    {METHOD_store_describe, serve_describe},
    {METHOD_store_ping, serve_ping},
    {METHOD_store_stats, serve_stats},
    {.handler = NULL},
};
