/* AWS calls: credentials, signing, retries, errors.
 *
 * One client for every service we call (Marketplace Metering and Entitlement, SQS, STS), on the
 * loop. It knows AWS's protocols and nothing of entitlements. Signing is libcurl's
 * (common/http/client); retries follow the SDKs' standard mode: three attempts, jittered back-off,
 * a retry bucket shared by all calls of the client.
 */
#ifndef COMMON_AWS_AWS_H
#define COMMON_AWS_AWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/aws/credentials/event.h"
#include "common/aws/environment/service.h"
#include "common/aws/environment/warning.h"
#include "common/base/error.h"
#include "common/base/str.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

struct aws;
struct aws_call;

/* Everything is copied. NULL and "" stand for "as AWS's own variables and files say". */
struct aws_options {
    /* default: AWS_REGION, AWS_DEFAULT_REGION, profile; the instance's own if its metadata are
     * asked for credentials; us-east-1 */
    const char *region;
    const char *profile; /* default: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default" */
    const char *endpoint[AWS_SERVICE_COUNT]; /* whole URLs; override AWS's variables and files */
    /* Which will be called, as AWS_CALLS(AWS_SQS) | ...; 0: all. Endpoints of the others may be
     * wrong. STS always may be. */
    unsigned services;
    /* Explicit credentials; otherwise the first that is configured: environment, web identity,
     * profile (key, credential_process, role), container, instance metadata. */
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
    const char *role_arn; /* taken on with those credentials */
    const char *external_id;
    const char *role_session_name;
    aws_credentials_fn *on_credentials; /* may be called by aws_new() itself; NULL: not reported */
    void *on_credentials_arg;
    /* AWS's clock was found to be that far from ours; 0: not any more. NULL: not reported. */
    void (*on_clock)(int64_t offset_s);
    /* Something of AWS's variables or files cannot be used as it is, and what is done instead;
     * by aws_new() itself, or once an instance has named its region. NULL: not reported. */
    aws_warning_fn *on_warning;
    void *on_warning_arg;
    const char *ca_bundle;      /* default: AWS_CA_BUNDLE, the system's */
    int64_t attempt_timeout_ms; /* one attempt; long polls add their wait */
};

enum aws_outcome {
    AWS_OK,
    AWS_ERROR,       /* AWS refused; code and message say why */
    AWS_THROTTLED,   /* the last attempt was throttled */
    AWS_UNREACHABLE, /* no whole answer: refused, timed out, truncated, 5xx without a code */
    AWS_CREDENTIALS, /* no credentials, or AWS does not accept them */
};

struct aws_response {
    enum aws_outcome outcome;
    int http_status;
    struct str code;    /* AWS's error code without namespace, e.g. "ThrottlingException" */
    struct str message; /* AWS's own words, or ours for what never reached AWS */
    struct str request_id;
    const struct json *body; /* for JSON services; an empty answer of SQS is {} */
    struct str raw_body;     /* for STS (XML) */
    unsigned attempts;
    bool retryable;
    int64_t began_wall_ms; /* when the attempt that succeeded began, on the local clock */
    int64_t answered_at_s; /* when, by AWS's clock (Date); 0: it does not say, or none answered */
    unsigned signed_by;    /* which of our credentials signed it: for aws_caller_account() */
};

/* Called exactly once unless cancelled; never before aws_call() returns. */
typedef void aws_done_fn(void *arg, const struct aws_response *response);

/* Called before every attempt; the attempt starts when the user calls aws_call_admit(). This is how
 * each attempt takes a token of the quota. NULL: attempts start at once. */
typedef void aws_admit_fn(void *arg, struct aws_call *call);

struct aws_request {
    enum aws_service service;
    const char *operation; /* "GetEntitlements" */
    struct str body;       /* JSON, at least {}; for STS the form */
    int64_t deadline_ms;   /* relative, over all attempts; 0: none */
    int64_t extra_wait_ms; /* added to the attempt's timeout (SQS long polling) */
    unsigned max_attempts; /* 0: AWS_MAX_ATTEMPTS, or the standard mode's 3 */
    aws_admit_fn *admit;
    void *admit_arg;
    /* Called with done's arg when the call is over, be it cancelled; NULL: it is not owned. */
    void (*release)(void *arg);
};

/* Fails on a setting for which no substitute can be known (half a key, an unknown profile, plain
 * http that leaves the machine); a setting that only tunes how AWS is called warns. Having no
 * credentials at all is no failure: calls then end as AWS_CREDENTIALS. Sources are asked from
 * now on, ahead of each expiry; calls wait for the first answer, ten seconds at most. */
int aws_new(struct aws **ret, struct loop *loop, const struct aws_options *options,
            struct error *error);
void aws_free(struct aws *aws); /* cancels what is in flight; takes NULL */

struct aws_call *aws_call(struct aws *aws, const struct aws_request *request, aws_done_fn *done,
                          void *arg);
void aws_call_admit(struct aws_call *call);
void aws_call_cancel(struct aws_call *call); /* done will not be called; takes NULL */

/* GetCallerIdentity: the account whose credentials we sign with. */
typedef void aws_identity_fn(void *arg, const struct aws_response *response, struct str account,
                             struct str arn);
struct aws_call *aws_caller_identity(struct aws *aws, aws_identity_fn *done, void *arg);

/* What is known of the account that signs. */
struct aws_caller {
    struct str account; /* empty: not known */
    struct str failure; /* why not */
    struct str source;  /* as aws_credentials_source() */
};
typedef void aws_caller_fn(void *arg, const struct aws_caller *caller);

/* Asks GetCallerIdentity now, whenever the credentials change, and again at widening times after a
 * failure; fn is told each result. Once per client. */
void aws_watch_caller(struct aws *aws, aws_caller_fn *fn, void *arg);
/* The account of the credentials that signed an answer (aws_response.signed_by), if it is watched
 * and known; else empty. Lives until the loop goes on. */
struct str aws_caller_account(const struct aws *aws, unsigned signed_by);
struct str aws_account(const struct aws *aws); /* of those in use now */

/* Where the credentials come from, for logs and `stats`: "environment",
 * "shared files (profile seller)", "settings", "role seller by container", "instance metadata",
 * "none". Whether it gives any is another question: on_credentials. */
struct str aws_credentials_source(const struct aws *aws);
/* For on_credentials: a daemon that passes it has each logged in one line. */
void aws_log_credentials(void *arg, const struct aws_credentials_event *event);
void aws_log_clock(int64_t offset_s);                  /* for on_clock */
void aws_log_warning(void *arg, const char *sentence); /* for on_warning */
struct str aws_region(const struct aws *aws);
int64_t aws_clock_offset_s(const struct aws *aws); /* AWS's clock minus ours, once it mattered */
struct str aws_endpoint(const struct aws *aws, enum aws_service service);

#endif
