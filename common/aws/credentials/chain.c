#include "common/aws/credentials/chain.h"

#include <stdlib.h>

#include "common/aws/credentials/profile.h"
#include "common/base/mem.h"

struct choice {
    const struct source_means *means;
    const struct credentials_settings *settings;
    const struct configured *configured;
};

/* All of these leave NULL in *ret if they are not configured. */
typedef int choose_fn(struct source **ret, const struct choice *choice, struct error *error);

static int from_settings(struct source **ret, const struct choice *choice, struct error *error)
{
    const struct credentials_settings *settings = choice->settings;
    struct keys keys = {0};
    int taken = keys_take(&keys, settings->access_key_id, settings->secret_access_key,
                          settings->session_token, "settings", error);

    if (taken > 0)
        *ret = source_keys_new("settings", &keys);
    keys_done(&keys);
    return taken < 0 ? -1 : 0;
}

/* Like the SDKs: a profile named on purpose outranks what happens to be in the environment. */
static int from_environment(struct source **ret, const struct choice *choice, struct error *error)
{
    return choice->settings->profile_is_named
               ? 0
               : source_environment_new(ret, choice->means->warnings, error);
}

static int from_web_identity(struct source **ret, const struct choice *choice, struct error *error)
{
    const char *file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    struct role role = {.arn = variable("AWS_ROLE_ARN"),
                        .session_name = variable("AWS_ROLE_SESSION_NAME")};

    if (choice->settings->profile_is_named || !file)
        return 0;
    if (!role.arn)
        return error_set(error, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    role_leave_out_unusable(choice->means->warnings, &role);
    return source_web_identity_new(ret, choice->means, &role, file, error) < 0
               ? error_prefix(error, "web identity")
               : 0;
}

static int from_profile(struct source **ret, const struct choice *choice, struct error *error)
{
    return profile_source(ret, choice->means, choice->configured, error);
}

static int from_container(struct source **ret, const struct choice *choice, struct error *error)
{
    return source_container_new(ret, choice->means, error);
}

static int from_instance(struct source **ret, const struct choice *choice, struct error *error)
{
    return source_imds_new(ret, choice->means, choice->configured, error);
}

static int take_on_role(struct source **ret, const struct choice *choice, struct error *error)
{
    const struct role *role = &choice->settings->role;

    if (!role->arn || !role->arn[0])
        return 0;
    if (!*ret)
        return error_set(
            error, "role_arn is set, and there are no AWS credentials to assume that role with");
    return source_role_new(ret, choice->means, role, take(*ret), error) < 0
               ? error_prefix(error, "role_arn")
               : 0;
}

int choose_source(struct source **ret, const struct source_means *means,
                  const struct credentials_settings *settings, const struct configured *configured,
                  struct error *error)
{
    static choose_fn *const order[] = {from_settings, from_environment, from_web_identity,
                                       from_profile,  from_container,   from_instance};
    const struct choice choice = {means, settings, configured};
    cleanup(source_freep) struct source *source = NULL;

    for (size_t i = 0; !source && i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i](&source, &choice, error) < 0)
            return -1;
    }
    if (take_on_role(&source, &choice, error) < 0)
        return -1;
    *ret = take(source);
    return 0;
}
