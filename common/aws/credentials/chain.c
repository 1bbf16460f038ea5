/* Which source is used: the first that is configured, in the order of the SDKs. One that is
 * configured and fails is an error with its name; nothing falls through to the next. */
#include <stdlib.h>

#include "common/aws/credentials/source.h"
#include "common/aws/internal.h"
#include "common/base/mem.h"

struct choice {
    struct aws *aws;
    const struct aws_options *options;
    const struct shared_files *files;
};

static bool is_set(const char *text)
{
    return text && text[0];
}

/* All of these leave NULL in *ret if they are not configured. */
typedef int choose_fn(struct source **ret, const struct choice *choice, struct error *error);

static int from_settings(struct source **ret, const struct choice *choice, struct error *error)
{
    const struct aws_options *options = choice->options;
    struct keys keys = {0};
    int taken = keys_take(&keys, options->access_key_id, options->secret_access_key,
                          options->session_token, "settings", error);

    if (taken > 0)
        *ret = source_keys_new(choice->aws, "settings", &keys);
    keys_done(&keys);
    return taken < 0 ? -1 : 0;
}

/* Like the SDKs: a profile named on purpose outranks what happens to be in the environment. */
static int from_environment(struct source **ret, const struct choice *choice, struct error *error)
{
    return is_set(choice->options->profile) ? 0 : source_environment_new(ret, choice->aws, error);
}

static int from_web_identity(struct source **ret, const struct choice *choice, struct error *error)
{
    const char *file = getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    struct role role = {.arn = getenv("AWS_ROLE_ARN"),
                        .session_name = getenv("AWS_ROLE_SESSION_NAME")};

    if (is_set(choice->options->profile) || !is_set(file))
        return 0;
    if (!is_set(role.arn))
        return error_set(error, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    role_leave_out_unusable(choice->aws, &role);
    return source_web_identity_new(ret, choice->aws, &role, file, error) < 0
               ? error_prefix(error, "web identity")
               : 0;
}

static int from_profile(struct source **ret, const struct choice *choice, struct error *error)
{
    return profile_source(ret, choice->aws, choice->files, choice->aws->profile, error);
}

static int from_container(struct source **ret, const struct choice *choice, struct error *error)
{
    return source_container_new(ret, choice->aws, error);
}

static int from_instance(struct source **ret, const struct choice *choice, struct error *error)
{
    return source_imds_new(ret, choice->aws, choice->files, error);
}

static int take_on_role(struct source **ret, const struct choice *choice, struct error *error)
{
    const struct aws_options *options = choice->options;
    struct role role = {.arn = options->role_arn,
                        .session_name = options->role_session_name,
                        .external_id = options->external_id};

    if (!is_set(role.arn))
        return 0;
    if (!*ret)
        return error_set(error, "role_arn is set, and there are no AWS credentials to take that "
                                "role on with");
    return source_role_new(ret, choice->aws, &role, take(*ret), error) < 0
               ? error_prefix(error, "role_arn")
               : 0;
}

int choose_source(struct source **ret, struct aws *aws, const struct aws_options *options,
                  const struct shared_files *files, struct error *error)
{
    static choose_fn *const order[] = {from_settings, from_environment, from_web_identity,
                                       from_profile,  from_container,   from_instance};
    const struct choice choice = {aws, options, files};
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
