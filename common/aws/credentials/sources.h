/* The sources, each in a file of its own (source_NAME.c).
 *
 * Those that can be set wrongly return -1 with the reason. Where *ret may become NULL nothing is
 * configured.
 */
#ifndef COMMON_AWS_CREDENTIALS_SOURCES_H
#define COMMON_AWS_CREDENTIALS_SOURCES_H

#include "common/aws/credentials/source.h"
#include "common/aws/credentials/sts.h"
#include "common/aws/environment/configured.h"
#include "common/aws/environment/endpoints.h"

struct http_client;
struct loop;

/* What sources work with; it outlives them. */
struct source_means {
    struct loop *loop;
    struct http_client *http; /* for the machine's own services */
    struct sts sts;
    char *session_name;       /* of roles, unless they have their own */
    int64_t process_limit_ms; /* for a credential_process */
    struct endpoints *endpoints;
    const struct aws_warnings *warnings;
};

struct source *source_keys_new(const char *name, const struct keys *keys);
int source_environment_new(struct source **ret, const struct aws_warnings *warnings,
                           struct error *error);
int source_files_new(struct source **ret, const char *profile, const struct shared_files *files,
                     struct error *error);
int source_process_new(struct source **ret, const struct source_means *means, const char *profile,
                       const char *command, struct error *error);
/* Takes base over, also when it fails. */
int source_role_new(struct source **ret, const struct source_means *means, const struct role *role,
                    struct source *base, struct error *error);
int source_web_identity_new(struct source **ret, const struct source_means *means,
                            const struct role *role, const char *token_file, struct error *error);
int source_container_new(struct source **ret, const struct source_means *means,
                         struct error *error);
int source_imds_new(struct source **ret, const struct source_means *means,
                    const struct configured *configured, struct error *error);

/* Of the container's source, for tests: the address to ask, or NULL. */
char *container_url(const char *relative, const char *full, struct error *error);

#endif
