/* A store that ignores the fencing number of an answer. Linked into the store's own objects by the
 * linker's --wrap, to prove that the campaign sees it. */
#include "services/store/methods/handlers.h"
#include "services/store/work/due.h"

int64_t __real_due_fence(const struct due *due, struct str id);
enum rpc_error __real_on_apply(struct work *work);
int64_t __wrap_due_fence(const struct due *due, struct str id);
enum rpc_error __wrap_on_apply(struct work *work);

static int64_t believed;

int64_t __wrap_due_fence(const struct due *due, struct str id)
{
    return believed ? believed : __real_due_fence(due, id);
}

enum rpc_error __wrap_on_apply(struct work *work)
{
    const struct apply_params *params = work->params;

    believed = params->fence;
    enum rpc_error code = __real_on_apply(work);
    believed = 0;
    return code;
}
