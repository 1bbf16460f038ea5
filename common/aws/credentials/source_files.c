/* An access key in AWS's shared files, read anew whenever it is asked for: operators replace keys
 * while daemons run. */
#include "common/aws/credentials/sources.h"
#include "common/base/mem.h"

struct files_source {
    struct source base;
    char *profile;
};

/* 1, 0 or -1 as keys_take(). */
static int take_keys(struct keys *keys, const struct shared_files *files, const char *profile,
                     const char *name, struct error *error)
{
    /* The credentials file's keys beat the config file's; they are never mixed. */
    static const enum shared_file order[] = {SHARED_CREDENTIALS, SHARED_CONFIG};
    int taken = 0;

    for (size_t i = 0; taken == 0 && i < sizeof(order) / sizeof(order[0]); i++)
        taken =
            keys_take(keys, shared_files_get(files, order[i], profile, "aws_access_key_id"),
                      shared_files_get(files, order[i], profile, "aws_secret_access_key"),
                      shared_files_get(files, order[i], profile, "aws_session_token"), name, error);
    return taken;
}

static void fetch(struct source *source)
{
    const char *profile = ((struct files_source *)source)->profile;
    cleanup(shared_files_freep) struct shared_files *files = NULL;
    struct keys keys = {0};
    struct error error = {"the profile no longer has an access key"};

    if (shared_files_read(&files, &error) < 0 ||
        take_keys(&keys, files, profile, source->name, &error) <= 0)
        source_fail(source, "%s", error.text);
    else
        source_succeed(source, &keys);
    keys_done(&keys);
}

static void done(struct source *source)
{
    mem_free(((struct files_source *)source)->profile);
}

int source_files_new(struct source **ret, const char *profile, const struct shared_files *files,
                     struct error *error)
{
    static const struct source_type type = {.fetch = fetch, .done = done};
    cleanup(mem_freep) char *name = mem_printf("shared files (profile %s)", profile);
    struct keys keys = {0};
    int taken = take_keys(&keys, files, profile, name, error);

    keys_done(&keys);
    *ret = NULL;
    if (taken <= 0)
        return taken;
    struct files_source *source = mem_alloc_zero(sizeof(*source));
    source_init(&source->base, &type, take(name));
    source->profile = mem_strdup(profile);
    *ret = &source->base;
    return 0;
}
