/* Whose keys sign: the settings', else the environment's, else those of the shared files. */
#include <stdlib.h>
#include <string.h>

#include "common/aws/internal.h"
#include "common/base/mem.h"

static bool is_set(const char *text)
{
    return text && text[0];
}

static const char *or_null(const char *text)
{
    return is_set(text) ? text : NULL;
}

void credentials_done(struct credentials *credentials)
{
    mem_free(credentials->access_key_id);
    mem_free(credentials->secret_access_key);
    mem_free(credentials->session_token);
    mem_free(credentials->source);
    *credentials = (struct credentials){0};
}

/* 1: taken; 0: nothing set here; -1: half a key. */
static int take_keys(struct credentials *credentials, const char *id, const char *secret,
                     const char *token, const char *source, struct error *error)
{
    if (!is_set(id) && !is_set(secret))
        return 0;
    if (!is_set(id) || !is_set(secret))
        return error_set(error, "AWS credentials from %s: the %s is missing", source,
                         is_set(id) ? "secret access key" : "access key id");
    credentials->access_key_id = mem_strdup(id);
    credentials->secret_access_key = mem_strdup(secret);
    credentials->session_token = mem_strdup(or_null(token));
    credentials->source = mem_strdup(source);
    return 1;
}

static int take_from_environment(struct credentials *credentials, struct error *error)
{
    const char *token = or_null(getenv("AWS_SESSION_TOKEN"));

    return take_keys(credentials, getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"),
                     token ? token : getenv("AWS_SECURITY_TOKEN"), "environment", error);
}

/* A source that is configured and cannot be used is never passed over in silence. */
static int refuse_other_sources(const struct shared_files *files, const char *profile,
                                struct error *error)
{
    static const char *const keys[] = {"role_arn", "credential_process", "web_identity_token_file",
                                       "sso_session", "sso_start_url"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (shared_files_get(files, SHARED_CONFIG, profile, keys[i]) ||
            shared_files_get(files, SHARED_CREDENTIALS, profile, keys[i]))
            return error_set(error,
                             "the AWS profile '%s' takes its credentials from %s, which is not "
                             "supported; give it an access key",
                             profile, keys[i]);
    }
    return 0;
}

static int take_from_files(struct credentials *credentials, const struct shared_files *files,
                           const char *profile, struct error *error)
{
    /* The credentials file's keys beat the config file's; they are never mixed. */
    static const enum shared_file order[] = {SHARED_CREDENTIALS, SHARED_CONFIG};
    cleanup(mem_freep) char *source = mem_printf("shared files (profile %s)", profile);

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        int taken = take_keys(
            credentials, shared_files_get(files, order[i], profile, "aws_access_key_id"),
            shared_files_get(files, order[i], profile, "aws_secret_access_key"),
            shared_files_get(files, order[i], profile, "aws_session_token"), source, error);
        if (taken != 0) {
            credentials->from_files = taken > 0;
            return taken;
        }
    }
    return refuse_other_sources(files, profile, error);
}

int resolve_credentials(struct credentials *credentials, const struct aws_options *options,
                        const struct shared_files *files, const char *profile, struct error *error)
{
    int taken = take_keys(credentials, options->access_key_id, options->secret_access_key,
                          options->session_token, "settings", error);

    /* Like the SDKs: a profile named on purpose outranks keys that happen to be around. */
    if (taken == 0 && !is_set(options->profile))
        taken = take_from_environment(credentials, error);
    if (taken == 0)
        taken = take_from_files(credentials, files, profile, error);
    if (taken == 0)
        credentials->source = mem_strdup("none");
    return taken < 0 ? -1 : 0;
}

static bool differ(const char *a, const char *b)
{
    return !a || !b ? a != b : strcmp(a, b) != 0;
}

bool refresh_credentials(struct aws *aws)
{
    cleanup(shared_files_freep) struct shared_files *files = NULL;
    struct credentials fresh = {0};

    if (!aws->credentials.from_files || shared_files_read(&files, NULL) < 0 ||
        take_from_files(&fresh, files, aws->profile, NULL) <= 0)
        return false;
    bool changed = differ(fresh.access_key_id, aws->credentials.access_key_id) ||
                   differ(fresh.secret_access_key, aws->credentials.secret_access_key) ||
                   differ(fresh.session_token, aws->credentials.session_token);
    credentials_done(changed ? &aws->credentials : &fresh);
    if (changed)
        aws->credentials = fresh;
    return changed;
}
