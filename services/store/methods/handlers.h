/* The methods of the store that only need its books, by subject; see proto/messages.def for what
 * each does. Those that need sockets or park requests are in serve_due.c and serve_process.c. */
#ifndef SERVICES_STORE_METHODS_HANDLERS_H
#define SERVICES_STORE_METHODS_HANDLERS_H

#include "services/store/work/books.h"

/* on_registration.c */
work_fn on_register, on_token_find, on_reference_use, on_signing_keys, on_signing_key_make;
/* on_subscription.c */
work_fn on_find, on_list, on_link, on_link_typed, on_contact_put, on_contact_get;
/* on_notification.c */
work_fn on_notify, on_notifications, on_notification, on_journal;
/* on_snapshot.c */
work_fn on_snapshot, on_changes;
/* on_due.c */
work_fn on_mark, on_apply, on_apply_part, on_release, on_due;
/* on_maintenance.c */
work_fn on_check_indexes, on_journal_verify, on_journal_erase, on_record_event;
/* on_claimed.c: what a checker found, before on_apply, on_sweep_part and on_sweep_finish */
work_fn on_claimed_apply, on_claimed_sweep_part, on_claimed_sweep_finish;
/* on_held.c */
work_fn on_held, on_held_decide;
/* on_override.c */
work_fn on_override_put, on_override_remove;

/* on_sweep.c */
work_fn on_sweep, on_sweeps, on_sweep_part, on_sweep_finish;
/* on_seller.c */
work_fn on_seller, on_seller_adopt;

/* Forgets tokens that are past their four hours by now_s; at most `limit`. */
size_t tokens_prune(struct change *change, int64_t now_s, size_t limit);

#endif
