/* The methods of the store with their handlers, as methods.def has them. */
#include "services/store/methods/handlers.h"
#include "services/store/process/store.h"

#define READS(method, handler)  [METHOD_store_##method] = handler,
#define WRITES(method, handler) [METHOD_store_##method] = handler,
#define SERVES(method, handler)
static work_fn *const handlers[METHOD_COUNT] = {
#include "services/store/methods/methods.def"
};
#undef READS
#undef WRITES
#undef SERVES

static void reads(void *arg, struct rpc_request *request)
{
    store_read(arg, request, handlers[rpc_request_method(request)]);
}

static void writes(void *arg, struct rpc_request *request)
{
    store_write(arg, request, handlers[rpc_request_method(request)]);
}

#define READS(method, handler)  {METHOD_store_##method, reads},
#define WRITES(method, handler) {METHOD_store_##method, writes},
#define SERVES(method, handler) {METHOD_store_##method, handler},
const struct rpc_route store_routes[] = {
#include "services/store/methods/methods.def"
    {.handler = NULL},
};
