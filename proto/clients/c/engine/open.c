/* entitled_open(), entitled_close(), and the new engine after fork(). */
#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/guard.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/engine/client.h"
#include "proto/clients/c/file/fixture.h"
#include "proto/endpoint/context.h"

int entitled_version(void)
{
    return ENTITLED_VERSION_MAJOR * 1000 + ENTITLED_VERSION_MINOR;
}

struct open_call {
    const struct entitled_options *options;
    struct entitled_error *error;
    struct entitled *client;
    struct engine *engine;
    int code;
};

static int read_file(struct entitled *client, struct entitled_error *error)
{
    const char *path = client->options->file;
    struct error why;

    if (client->options->mode != ENTITLED_FILE)
        return ENTITLED_OK;
    if (!path)
        return failure_set(error, ENTITLED_BAD_FILE, "the file mode needs a file");
    if (fixture_read(path, &client->fixture, &why) < 0)
        return failure_set(error, ENTITLED_BAD_FILE, "%s", why.text);
    return ENTITLED_OK;
}

static void make_engine(void *arg)
{
    struct open_call *call = arg;
    struct entitled *client = call->client;
    struct error why;

    if (client->options->mode != ENTITLED_FILE && endpoint_context_check_threads(&why) < 0) {
        call->code = failure_set(call->error, ENTITLED_INTERNAL, "%s", why.text);
        return;
    }
    call->engine = engine_new(client->options, buf_str(&client->fixture), call->error);
    call->code = call->engine ? ENTITLED_OK : ENTITLED_BAD_FILE;
}

static void open_client(void *arg)
{
    struct open_call *call = arg;

    call->client = mem_alloc_zero(sizeof(*call->client));
    call->client->options = options_copy(call->options);
    call->code = options_load_keys(call->client->options, call->error);
    if (call->code == ENTITLED_OK)
        call->code = read_file(call->client, call->error);
    if (call->code == ENTITLED_OK)
        make_engine(call);
    if (call->code == ENTITLED_OK)
        atomic_store(&call->client->engine, call->engine);
}

static void free_client(struct entitled *client)
{
    entitled_options_free(client->options);
    buf_done(&client->fixture);
    mem_free(client);
}

int entitled_open(struct entitled **ret_client, const struct entitled_options *options,
                  struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct open_call call = {.options = options, .error = error};

    *ret_client = NULL;
    failure_none(error);
    if (!guard_call(open_client, &call))
        return failure_of_memory(error);
    if (call.code != ENTITLED_OK) {
        free_client(call.client);
        return call.code;
    }
    *ret_client = call.client;
    return ENTITLED_OK;
}

void entitled_close(struct entitled *client)
{
    KEEPS_ERRNO;
    struct engine *engine;

    if (!client)
        return;
    engine = atomic_load(&client->engine);
    /* The threads that a parent's engine waits for are not in this process. */
    if (engine->generation == engine_generation())
        engine_free(engine);
    free_client(client);
}

/* The first question in a child makes the child's engine. Of several threads at once, one keeps its
 * engine and the others drop theirs. */
static int engine_after_fork(struct entitled *client, struct engine *before,
                             struct engine **ret_engine, struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct open_call call = {.client = client, .error = error};

    if (!guard_call(make_engine, &call))
        return failure_of_memory(error);
    if (call.code != ENTITLED_OK)
        return call.code;
    call.engine->before = before;
    if (atomic_compare_exchange_strong(&client->engine, &before, call.engine)) {
        *ret_engine = call.engine;
    } else {
        engine_free(call.engine);
        *ret_engine = before;
    }
    return ENTITLED_OK;
}

int client_engine(struct entitled *client, struct engine **ret_engine, struct entitled_error *error)
{
    struct engine *engine = atomic_load(&client->engine);

    *ret_engine = engine;
    if (engine->generation == engine_generation())
        return ENTITLED_OK;
    return engine_after_fork(client, engine, ret_engine, error);
}

uint64_t entitled_count(const struct entitled *client, int counter)
{
    const struct engine *engine = atomic_load(&client->engine);

    if (!engine->roster || engine->generation != engine_generation() || counter < 0 ||
        counter >= TALLY_COUNTERS)
        return 0;
    return tally_read(roster_tally(engine->roster), (enum entitled_counter)counter);
}
