/* What the files of this folder share. */
#ifndef COMMON_AWS_INTERNAL_H
#define COMMON_AWS_INTERNAL_H

#include "common/aws/aws.h"
#include "common/base/arena.h"
#include "common/http/client/http_client.h"

struct service {
    const char *name; /* as aws_options and logs call it */
    const char *signing_name;
    const char *target_prefix; /* NULL: the query protocol of STS */
    const char *content_type;
    const char *endpoint_variable;
    const char *endpoint_key; /* in a [services] section of the shared files */
    size_t response_limit;
};

struct endpoint {
    char *url;
    char *region; /* signed for */
};

struct credentials {
    char *access_key_id; /* NULL: there are none */
    char *secret_access_key;
    char *session_token; /* NULL: long-lived keys */
    char *source;
    bool from_files;
};

struct aws {
    struct loop *loop;
    struct http_client *http;
    char *region;
    char *profile;
    struct endpoint endpoints[AWS_SERVICE_COUNT];
    struct credentials credentials;
    int64_t attempt_timeout_ms;
    int64_t clock_offset_s;
    int retry_tokens;
    double (*random)(void); /* from 0 to 1; tests replace it */
    struct aws_call *calls;
};

struct aws_call {
    struct aws *aws;
    struct arena arena; /* copies of the request */
    enum aws_service service;
    struct str operation;
    struct str body;
    int64_t deadline_mono_ms; /* 0: none */
    int64_t extra_wait_ms;
    unsigned max_attempts;
    unsigned attempts;
    int retry_cost;             /* of the last retry, given back on success */
    bool credentials_refreshed; /* once per call */
    bool clock_corrected;       /* once per call */
    bool waits_for_admission;
    bool finished;
    int64_t began_wall_ms;
    aws_admit_fn *admit;
    void *admit_arg;
    aws_done_fn *done;
    void *arg;
    struct http_call *http;
    struct loop_timer *timer;    /* the next attempt */
    struct loop_timer *deadline; /* of the whole call */
    struct json *json;
    struct aws_call *next, **link;
};

/* endpoints.c */
extern const struct service services[AWS_SERVICE_COUNT];
struct shared_files;
int resolve_region_and_endpoints(struct aws *aws, const struct aws_options *options,
                                 const struct shared_files *files, struct error *error);
/* https, or http to this very machine; without user or password. */
int check_endpoint(const char *url, struct error *error);

/* credentials.c */
int resolve_credentials(struct credentials *credentials, const struct aws_options *options,
                        const struct shared_files *files, const char *profile, struct error *error);
/* Reads the shared files again; true if they hold other keys now. */
bool refresh_credentials(struct aws *aws);
void credentials_done(struct credentials *credentials);

/* shared_files.c: ~/.aws/config and ~/.aws/credentials. */
enum shared_file { SHARED_CONFIG, SHARED_CREDENTIALS, SHARED_FILE_COUNT };
int shared_files_read(struct shared_files **ret, struct error *error);
void shared_files_free(struct shared_files *files);
void shared_files_freep(struct shared_files **files);
/* NULL if absent. Profiles go by their bare name in both files; "services NAME" by that. What is
 * nested under a name goes by "name.inner". */
const char *shared_files_get(const struct shared_files *files, enum shared_file file,
                             const char *section, const char *name);
bool shared_files_has(const struct shared_files *files, const char *section);

/* retry.c */
enum retry_kind { RETRY_TRANSIENT, RETRY_THROTTLING };
enum { RETRY_TOKENS = 500 };
/* Takes what the retry costs; false if the bucket does not hold it. */
bool retry_take(struct aws_call *call, enum retry_kind kind);
void retry_succeeded(struct aws_call *call);
/* retry: 1 for the first. hint: x-amz-retry-after, or empty. */
int64_t retry_delay_ms(unsigned retry, enum retry_kind kind, double random, struct str hint);
double retry_random(void);

/* clock_skew.c: learns AWS's clock from an answer; true if it differs enough to explain the code.
 */
bool learn_clock(struct aws *aws, struct str code, struct str date_header);

/* xml.c: the text of the first element of each name, wherever it stands. */
struct xml_text {
    const char *element;
    struct str text; /* empty if absent */
};
int xml_find(struct arena *arena, struct str xml, struct xml_text *texts, size_t count,
             struct error *error);

#endif
