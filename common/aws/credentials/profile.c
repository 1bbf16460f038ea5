/* Where several sources are named, botocore's order holds: role, web identity, keys of the
 * credentials file, process, keys of the config file. */
#include "common/aws/credentials/profile.h"

#include <string.h>

#include "common/base/mem.h"

/* A profile, and the one that names it as source_profile. */
struct step {
    const struct source_means *means;
    const struct configured *configured;
    const char *profile;
    const struct step *from;
};

static const char *get(const struct step *at, const char *key)
{
    const char *value =
        shared_files_get(at->configured->files, SHARED_CREDENTIALS, at->profile, key);

    return value ? value : shared_files_get(at->configured->files, SHARED_CONFIG, at->profile, key);
}

static bool has_keys(const struct step *at, enum shared_file file)
{
    return shared_files_get(at->configured->files, file, at->profile, "aws_access_key_id") ||
           shared_files_get(at->configured->files, file, at->profile, "aws_secret_access_key");
}

static bool has_any_keys(const struct step *at)
{
    return has_keys(at, SHARED_CREDENTIALS) || has_keys(at, SHARED_CONFIG);
}

static int refuse(const struct step *at, const char *what, struct error *error)
{
    return error_set(error, "the AWS profile '%s' %s", at->profile, what);
}

/* A source that is configured and cannot be used is never passed over in silence. */
static int refuse_sign_in(const struct step *at, struct error *error)
{
    static const char *const keys[] = {"sso_session", "sso_start_url", "login_session"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (get(at, keys[i]))
            return error_set(error,
                             "the AWS profile '%s' takes its credentials from %s, which needs a "
                             "person to sign in; a daemon cannot use it",
                             at->profile, keys[i]);
    }
    return 0;
}

static int open_step(struct source **ret, const struct step *at, struct error *error);

static int open_source_profile(struct source **ret, const struct step *at, const char *name,
                               struct error *error)
{
    struct step below = {at->means, at->configured, name, at};

    if (!shared_files_has(at->configured->files, name))
        return error_set(error, "source_profile '%s' of the AWS profile '%s' does not exist", name,
                         at->profile);
    /* A profile may take on a role with keys of its own. */
    for (const struct step *seen = at; seen; seen = seen->from) {
        if (strcmp(seen->profile, name) == 0 && !(seen == at && has_any_keys(at)))
            return refuse(at, "leads back to itself by its source_profile", error);
    }
    if (open_step(ret, &below, error) < 0)
        return -1;
    return *ret ? 0
                : error_set(error, "source_profile '%s' of the AWS profile '%s' has no credentials",
                            name, at->profile);
}

static int open_credential_source(struct source **ret, const struct step *at, const char *name,
                                  struct error *error)
{
    int result;

    if (strcmp(name, "Environment") == 0)
        result = source_environment_new(ret, at->means->warnings, error);
    else if (strcmp(name, "EcsContainer") == 0)
        result = source_container_new(ret, at->means, error);
    else if (strcmp(name, "Ec2InstanceMetadata") == 0)
        result = source_imds_new(ret, at->means, at->configured, error);
    else
        return error_set(error, "credential_source '%s' of the AWS profile '%s' is unknown", name,
                         at->profile);
    if (result < 0)
        return error_prefix(error, "credential_source of the AWS profile '%s'", at->profile);
    return *ret ? 0
                : error_set(error, "credential_source '%s' of the AWS profile '%s' has none", name,
                            at->profile);
}

static int open_base(struct source **ret, const struct step *at, struct error *error)
{
    const char *profile = get(at, "source_profile"), *named = get(at, "credential_source");

    if (profile && named)
        return refuse(at, "has both source_profile and credential_source", error);
    if (profile)
        return open_source_profile(ret, at, profile, error);
    if (named)
        return open_credential_source(ret, at, named, error);
    return refuse(at,
                  "has a role_arn without source_profile, credential_source or "
                  "web_identity_token_file",
                  error);
}

static int open_role(struct source **ret, const struct step *at, struct error *error)
{
    const char *token_file = get(at, "web_identity_token_file");
    struct role role = {.arn = get(at, "role_arn"),
                        .session_name = get(at, "role_session_name"),
                        .external_id = get(at, "external_id"),
                        .duration_s = get(at, "duration_seconds")};
    struct source *base = NULL;
    int result;

    role_leave_out_unusable(at->means->warnings, &role);
    if (token_file)
        result = source_web_identity_new(ret, at->means, &role, token_file, error);
    else if (open_base(&base, at, error) < 0)
        return -1;
    else
        result = source_role_new(ret, at->means, &role, base, error);
    return result < 0 ? error_prefix(error, "the AWS profile '%s'", at->profile) : 0;
}

static int open_step(struct source **ret, const struct step *at, struct error *error)
{
    const char *process = get(at, "credential_process");

    *ret = NULL;
    /* As the source of another profile's role, keys come before a role. */
    if (get(at, "role_arn") && !(at->from && has_any_keys(at)))
        return open_role(ret, at, error);
    if (get(at, "web_identity_token_file"))
        return refuse(at, "has a web_identity_token_file without role_arn", error);
    if (!has_keys(at, SHARED_CREDENTIALS) && process)
        return source_process_new(ret, at->means, at->profile, process, error);
    if (has_any_keys(at))
        return source_files_new(ret, at->profile, at->configured->files, error);
    return refuse_sign_in(at, error);
}

int profile_source(struct source **ret, const struct source_means *means,
                   const struct configured *configured, struct error *error)
{
    struct step top = {means, configured, configured->profile, NULL};

    return open_step(ret, &top, error);
}
