/* Requests that wait: for work, for a token, for a refresh. */
#include "common/base/mem.h"
#include "services/store/process/store.h"

struct rpc_request *store_unpark(struct parked *parked)
{
    struct rpc_request *request = parked->request;

    TAILQ_REMOVE(parked->queue, parked, link);
    mem_free(parked);
    return request;
}

static void on_expired(void *arg, struct rpc_request *request)
{
    (void)request;
    store_unpark(arg);
}

struct parked *store_park(struct store *store, struct parked_queue *queue,
                          struct rpc_request *request)
{
    struct parked *parked = mem_alloc_zero(sizeof(*parked));

    parked->queue = queue;
    parked->store = store;
    parked->request = request;
    TAILQ_INSERT_TAIL(queue, parked, link);
    rpc_park(request, on_expired, parked);
    return parked;
}

static void empty(struct parked_queue *queue)
{
    while (!TAILQ_EMPTY(queue))
        store_unpark(TAILQ_FIRST(queue));
}

/* The server has answered them all. */
void store_forget_parked(struct store *store)
{
    empty(&store->claims);
    empty(&store->waits);
    for (int class = 0; class < due_class_count; class ++)
        empty(&store->tokens[class]);
}
