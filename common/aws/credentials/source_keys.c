/* Keys that are just there: in the settings, in the environment ("AWS SDKs and Tools Reference
 * Guide: environment variables"). */
#include <stdlib.h>

#include "common/aws/credentials/sources.h"
#include "common/base/mem.h"

struct given {
    struct source base;
    struct keys keys;
};

static void fetch(struct source *source)
{
    source_succeed(source, &((struct given *)source)->keys);
}

static void done(struct source *source)
{
    keys_done(&((struct given *)source)->keys);
}

struct source *source_keys_new(const char *name, const struct keys *keys)
{
    static const struct source_type type = {.fetch = fetch, .done = done};
    struct given *given = mem_alloc_zero(sizeof(*given));

    source_init(&given->base, &type, mem_strdup(name));
    keys_copy(&given->keys, keys);
    return &given->base;
}

int source_environment_new(struct source **ret, const struct aws_warnings *warnings,
                           struct error *error)
{
    static const char name[] = "environment";
    const char *token = variable("AWS_SESSION_TOKEN"),
               *until = variable("AWS_CREDENTIAL_EXPIRATION");
    struct keys keys = {0};

    *ret = NULL;
    int taken = keys_take(&keys, getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"),
                          token ? token : getenv("AWS_SECURITY_TOKEN"), name, error);
    struct error why = {""};
    if (taken > 0 && until && keys_expiration(str_of(until), &keys.expires_at_s, &why) < 0)
        aws_warn(warnings,
                 "AWS_CREDENTIAL_EXPIRATION: %s; the keys are used until AWS refuses them",
                 why.text);
    if (taken > 0)
        *ret = source_keys_new(name, &keys);
    keys_done(&keys);
    return taken < 0 ? -1 : 0;
}
