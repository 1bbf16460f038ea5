/* What a checker found under its claim, with the times set right by our clock: its own may be
 * wrong, and a time that has not come would be believed before all that come after it. */
#include "services/store/methods/handlers.h"

static int64_t call_time_s(const struct work *work, struct str id, int64_t stated_s)
{
    return due_call_time_s(work->books->due, id, stated_s, moment_now());
}

enum rpc_error on_claimed_apply(struct work *work)
{
    struct apply_params params = *(const struct apply_params *)work->params;

    params.began_at = call_time_s(work, params.subscription, params.began_at);
    work->params = &params;
    return on_apply(work);
}

enum rpc_error on_claimed_sweep_part(struct work *work)
{
    struct sweep_part_params params = *(const struct sweep_part_params *)work->params;

    params.began_at = call_time_s(work, params.subscription, params.began_at);
    work->params = &params;
    return on_sweep_part(work);
}

enum rpc_error on_claimed_sweep_finish(struct work *work)
{
    struct sweep_finish_params params = *(const struct sweep_finish_params *)work->params;

    params.began_at = call_time_s(work, params.subscription, params.began_at);
    work->params = &params;
    return on_sweep_finish(work);
}
