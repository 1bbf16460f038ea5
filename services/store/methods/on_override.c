/* Methods about overrides: override_put, override_remove. */
#include "services/store/methods/handlers.h"
#include "services/store/tables/overrides.h"

static enum rpc_error bad(struct work *work, const char *why)
{
    error_set(work->error, "%s", why);
    return ERROR_BAD_REQUEST;
}

enum rpc_error on_override_put(struct work *work)
{
    const struct override_put_params *params = work->params;
    struct override_result *result = work->result;
    struct override *override = arena_alloc(work->arena, sizeof(*override));
    struct override before;

    *override = *params->override;
    if (override->handle.len == 0)
        return bad(work, "'handle' must not be empty");
    if ((override->action == OVERRIDE_VALUE) != (override->value.kind != VALUE_NONE))
        return bad(work, "'value' belongs only to the action value");
    if (override->id.len > 0 &&
        !overrides_get(work->books->db, override->id, work->arena, &before)) {
        error_set(work->error, "there is no override '" STR_FMT "'", STR_ARG(override->id));
        return ERROR_NOT_FOUND;
    }
    if (!overrides_have_room(work->books->db, override))
        return bad(work,
                   "there are too many overrides: remove those that have ended or are not needed");
    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = override->author;
    overrides_put(work->change, override);
    override->id = arena_str(work->arena, override->id);
    result->override = override;
    return ERROR_NONE;
}

enum rpc_error on_override_remove(struct work *work)
{
    const struct override_params *params = work->params;
    struct override override;

    if (!overrides_get(work->books->db, params->id, work->arena, &override)) {
        error_set(work->error, "there is no override '" STR_FMT "'", STR_ARG(params->id));
        return ERROR_NOT_FOUND;
    }
    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    overrides_remove(work->change, &override);
    return ERROR_NONE;
}
