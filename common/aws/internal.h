/* What the files of this folder share. */
#ifndef COMMON_AWS_INTERNAL_H
#define COMMON_AWS_INTERNAL_H

#include "common/aws/client/aws.h"
#include "common/aws/credentials/credentials.h"
#include "common/base/arena.h"
#include "common/base/buf.h"
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
    char *region;    /* signed for */
    bool configured; /* the URL follows no region */
};

/* sign.c: signs the request itself, with headers in the arena, instead of having it signed. */
void sign_with_offset(struct http_request *request, int64_t offset_s, struct arena *arena);

/* caller.c: of which account the credentials are. */
struct caller {
    aws_caller_fn *fn; /* NULL: nobody watches */
    void *arg;
    struct aws_call *call;
    struct loop_timer *timer; /* the next question */
    unsigned failures;        /* in a row */
    char *account;            /* NULL: not known */
    unsigned generation;      /* of the credentials that it is known of */
};

struct aws {
    struct loop *loop;
    struct http_client *http;
    char *region;
    bool region_is_default; /* nobody named one: the instance may */
    char *profile;
    char *session_name; /* of roles, unless they have their own */
    struct endpoint endpoints[AWS_SERVICE_COUNT];
    unsigned services;      /* that may be called, as aws_options.services */
    bool endpoints_ignored; /* those of AWS's variables and files */
    bool dual_stack;
    bool fips;
    struct credentials credentials;
    struct caller caller;
    unsigned max_attempts;
    int64_t attempt_timeout_ms;
    int64_t process_limit_ms; /* for a credential_process */
    int64_t clock_offset_s;
    void (*on_clock)(int64_t offset_s);
    aws_warning_fn *on_warning;
    void *on_warning_arg;
    int retry_tokens;
    double (*random)(void);   /* from 0 to 1; tests replace it */
    int64_t (*wall_ms)(void); /* tests replace both clocks */
    int64_t (*mono_ms)(void);
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
    int retry_cost;          /* of the last retry, given back on success */
    bool own_keys;           /* signed by keys, for a source of credentials; not by ours */
    const struct keys *keys; /* NULL: not signed */
    unsigned generation;     /* of our credentials, when last signed */
    int64_t clock_offset_s;  /* then */
    enum { WAITS_FOR_NOTHING, WAITS_FOR_KEYS, WAITS_FOR_OTHER_KEYS } waits;
    struct aws_response refusal; /* how it ends if there are no other keys */
    bool credentials_refreshed;  /* once per call */
    bool clock_corrected;        /* once per call */
    bool waits_for_admission;
    bool finished;
    int64_t began_wall_ms;
    int64_t answered_at_s; /* of the last attempt, by AWS's clock */
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

/* call.c. For sources of credentials: signed by these keys, or (NULL) not at all. */
struct aws_call *aws_call_signed_by(struct aws *aws, const struct aws_request *request,
                                    const struct keys *keys, aws_done_fn *done, void *arg);
/* Whoever waits for credentials looks again. */
void calls_credentials_settled(struct aws *aws);

/* caller.c. failures: 1 for the first. */
int64_t caller_delay_ms(unsigned failures, double random);
void caller_credentials_changed(struct aws *aws);
void caller_close(struct aws *aws);

/* refusal.c: what AWS said instead of an answer. It lives as long as the call's next attempt. */
void refusal_read(struct aws_call *call, const struct http_response *answer,
                  struct aws_response *response);
/* True if our keys may be what AWS refuses, so that others are worth a try. */
bool refusal_concerns_keys(const struct aws_call *call, const struct aws_response *response);

/* endpoints.c */
extern const struct service services[AWS_SERVICE_COUNT];
int resolve_region_and_endpoints(struct aws *aws, const struct aws_options *options,
                                 const struct shared_files *files, struct error *error);
/* The instance's own, when nobody named one. */
void region_found(struct aws *aws, struct str region);

/* url.c */
struct url_parts {
    bool plain; /* http */
    struct str host;
};
int url_split(const char *url, struct url_parts *ret, struct error *error);
bool url_is_loopback(struct str host);
/* https, or http to this very machine; without user or password. */
int check_endpoint(const char *url, struct error *error);

/* configured.c: a variable of AWS's, else what stands for it in the profile (NULL: nothing does).
 * What is set nowhere leaves the value alone. So does what cannot be understood, with a warning:
 * platforms set such variables for everything that runs there. */
struct configured {
    struct aws *aws;
    const struct shared_files *files;
};
const char *configured_text(const struct configured *from, const char *variable, const char *key);
void configured_bool(const struct configured *from, const char *variable, const char *key,
                     bool *ret_value);
void configured_number(const struct configured *from, const char *variable, const char *key,
                       int64_t min, int64_t max, int64_t *ret_value);
void aws_warn(const struct aws *aws, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* common/base/file.c: appends the whole file. 1 if there is none, -1 if it cannot be read; error says so. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *error);

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
enum { RETRY_TOKENS = 500, STANDARD_ATTEMPTS = 3 };
/* Takes what the retry costs; false if the bucket does not hold it. */
bool retry_take(struct aws_call *call, enum retry_kind kind);
void retry_succeeded(struct aws_call *call);
/* retry: 1 for the first. hint: x-amz-retry-after, or empty. */
int64_t retry_delay_ms(unsigned retry, enum retry_kind kind, double random, struct str hint);
double retry_random(void);
void resolve_retries(struct aws *aws, const struct shared_files *files);

/* clock_skew.c: learns AWS's clock from an answer, told_s (0: it has no time); true if it differs
 * enough from the one that the call assumed. */
bool note_clock(struct aws *aws, int64_t assumed_offset_s, int64_t told_s);
/* The same from a refusal, if its code can be explained by that. */
bool learn_clock(struct aws *aws, int64_t signed_offset_s, struct str code, struct str date_header);
/* 0: it is no date. */
int64_t clock_of_date(struct str date_header);

/* common/xml/xml.c: the text of the first element of each name, wherever it stands. */
struct xml_text {
    const char *element;
    struct str text; /* empty if absent */
};
int xml_find(struct arena *arena, struct str xml, struct xml_text *texts, size_t count,
             struct error *error);

#endif
