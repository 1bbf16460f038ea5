/* Where credentials come from: one file per source behind one small table of functions.
 *
 * A source is asked for keys and answers once, perhaps before source_fetch() returns. It keeps no
 * keys: credentials.c does, and decides when to ask again. Whatever a source reads (a token's file,
 * the shared files) it reads anew each time. A failure is one sentence that begins with the
 * source's name.
 */
#ifndef COMMON_AWS_SOURCE_H
#define COMMON_AWS_SOURCE_H

#include "common/aws/client/aws.h"
#include "common/base/buf.h"
#include "common/http/client/http_client.h"

struct shared_files;
struct source;

struct keys {
    char *access_key_id; /* NULL: there are none */
    char *secret_access_key;
    char *session_token;  /* NULL: long-lived keys */
    int64_t expires_at_s; /* 0: never, as far as is known */
};

/* keys.c */
void keys_done(struct keys *keys);
void keys_copy(struct keys *to, const struct keys *from); /* frees what was there */
bool keys_equal(const struct keys *a, const struct keys *b);
/* 1: taken; 0: nothing is set; -1: half a key. */
int keys_take(struct keys *keys, const char *id, const char *secret, const char *token,
              const char *from, struct error *error);
/* AccessKeyId, SecretAccessKey, Expiration (absent: never) and the token's member, as all of AWS's
 * JSON forms have them. */
int keys_from_json(struct keys *keys, struct str text, const char *token_member,
                   struct error *error);
int keys_expiration(struct str text, int64_t *ret_time_s, struct error *error);

/* keys: NULL if there are none, and error says why. Both live until it returns. */
typedef void source_done_fn(void *arg, const struct keys *keys, const struct error *error);

struct source_type {
    void (*fetch)(struct source *source); /* ends in source_succeed() or source_fail() */
    void (*cancel)(struct source *source);
    void (*done)(struct source *source); /* frees what is its own; nothing is in flight */
    bool outlives_expiry;                /* keys past their time are used until there are others */
};

struct source {
    const struct source_type *type;
    struct aws *aws;
    char *name; /* for logs and people */
    bool fetching;
    source_done_fn *on_done;
    void *arg;
};

/* source.c. What every source's own struct begins with; name is taken over. */
void source_init(struct source *source, const struct source_type *type, struct aws *aws,
                 char *name);
void source_free(struct source *source); /* cancels; takes NULL */
void source_freep(struct source **source);
void source_fetch(struct source *source, source_done_fn *done, void *arg);
void source_cancel(struct source *source);
void source_succeed(struct source *source, const struct keys *keys);
void source_fail(struct source *source, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void source_pass_on(struct source *source, const struct error *error); /* of the source below */

/* A role to take on; what is NULL or "" is not set. */
struct role {
    const char *arn;
    const char *session_name; /* default: ours, with the time of the start */
    const char *external_id;
    const char *duration_s;
};

/* The sources. Those that can be set wrongly return -1 with the reason. Where *ret may become NULL
 * nothing is configured. */
struct source *source_keys_new(struct aws *aws, const char *name, const struct keys *keys);
int source_environment_new(struct source **ret, struct aws *aws, struct error *error);
int source_files_new(struct source **ret, struct aws *aws, const char *profile,
                     const struct shared_files *files, struct error *error);
int source_process_new(struct source **ret, struct aws *aws, const char *profile,
                       const char *command, struct error *error);
/* Takes base over, also when it fails. */
int source_role_new(struct source **ret, struct aws *aws, const struct role *role,
                    struct source *base, struct error *error);
int source_web_identity_new(struct source **ret, struct aws *aws, const struct role *role,
                            const char *token_file, struct error *error);
int source_container_new(struct source **ret, struct aws *aws, struct error *error);
int source_imds_new(struct source **ret, struct aws *aws, const struct shared_files *files,
                    struct error *error);

/* profile.c: whatever a profile of the shared files names. */
int profile_source(struct source **ret, struct aws *aws, const struct shared_files *files,
                   const char *profile, struct error *error);
/* chain.c: the first source that is configured, and the role on top of it. */
int choose_source(struct source **ret, struct aws *aws, const struct aws_options *options,
                  const struct shared_files *files, struct error *error);

/* source_container.c, for tests: the address to ask, or NULL. */
char *container_url(const char *relative, const char *full, struct error *error);
/* source_process.c, for tests: words as a shell would split them, and nothing else of a shell.
 * The texts are in *ret_words[0]'s memory; both are freed by mem_free(). NULL if a quote is open.
 */
char **split_command(const char *command, size_t *ret_count);

/* sts.c: taking on roles. */
int role_check(const struct role *role, struct error *error);
/* Of AWS's variables and files: what cannot be sent is left out, with a warning. */
void role_leave_out_unusable(const struct aws *aws, struct role *role);
struct str role_name(const char *arn);
void role_form(struct buf *form, const char *action, const struct role *role);
void form_append(struct buf *form, const char *name, struct str value);
/* signed_by: NULL sends the form unsigned; else it lives until done is called. */
struct aws_call *sts_ask(struct aws *aws, struct str form, const struct keys *signed_by,
                         aws_done_fn *done, void *arg);
/* Answers the source with what STS said. */
void sts_answer(struct source *source, const struct aws_response *response);

/* One question to a service of the machine itself, never through a proxy; asked again if there is
 * no answer. */
struct inquiry {
    struct aws *aws;
    const char *method;
    char *url;
    struct http_header *headers;
    size_t header_count;
    int64_t timeout_ms;
    unsigned attempts_left;
    /* status 0: no answer, and body says why. */
    void (*done)(void *arg, int status, struct str body);
    void *arg;
    struct http_call *call;
    struct loop_timer *timer;
};

/* inquiry.c */
void inquiry_send(struct inquiry *inquiry);
void inquiry_cancel(struct inquiry *inquiry);

#endif
