/* What a checker found under its claim, as of a time by our clock. The handlers set the time that
 * the checker states right: its clock may be wrong, and a time that has not come would be believed
 * before all that come after it. */
#ifndef SERVICES_STORE_METHODS_CLAIMED_H
#define SERVICES_STORE_METHODS_CLAIMED_H

#include "services/store/work/books.h"

enum rpc_error claimed_apply(struct work *work, int64_t began_at_s);
enum rpc_error claimed_sweep_part(struct work *work, int64_t began_at_s);
enum rpc_error claimed_sweep_finish(struct work *work, int64_t began_at_s);

#endif
