/* The looks of `entitlectl doctor`, and their common parts. Each look has a place among the
 * findings, ends within a bound, and does not hinder the others. */
#ifndef SERVICES_ENTITLECTL_DOCTOR_DOCTOR_H
#define SERVICES_ENTITLECTL_DOCTOR_DOCTOR_H

#include "common/aws/client/aws.h"
#include "services/entitlectl/command/ctl.h"
#include "services/entitlectl/doctor/findings.h"

struct doctor {
    struct ctl *ctl;
    struct findings findings;
    size_t places;          /* given out so far */
    const char *store_away; /* the reason why the store could not be asked; NULL: it answers */
    struct str seller;      /* as the store or else the settings have it; empty: not known */
    struct str incarnation; /* of the store's state */
    const struct stats_result *stats; /* of the store; NULL: not known */
    struct loop *loop;
    size_t under_way;       /* looks at AWS */
    int64_t limit_ms;       /* for each of them */
    bool heard;             /* some answer told AWS's time: */
    int64_t clock_offset_s; /* AWS's minus ours, the largest of all answers */
};

size_t doctor_place(struct doctor *doctor);

/* local.c: the daemons of this suite. */
void doctor_look_at_store(struct doctor *doctor);
void doctor_look_at_checkers(struct doctor *doctor);
void doctor_look_at_pollers(struct doctor *doctor);

/* aws.c: all questions to AWS; returns when all have been answered or have timed out. */
void doctor_look_at_aws(struct doctor *doctor);

/* One question to AWS. */
struct look {
    struct doctor *doctor;
    size_t place;
    const char *name; /* of its findings */
    struct str subject;
    struct aws *aws;
    const char *permission; /* that it needs */
    aws_done_fn *done;      /* with the look; for a success or a refusal alike */
    const void *about;      /* its subject, for done */
    struct aws_call *call;
    struct loop_timer *limit;
};

/* All of look but the last two is set; it lives until the loop has ended. */
void look_ask(struct look *look, const struct aws_request *request);
struct look *look_new(const struct look *look); /* a copy in the arena */
void look_finding(const struct look *look, enum finding_level level, const char *advice,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The finding for an answer that is not a success. */
void look_refused(const struct look *look, const struct aws_response *response);

/* certificates.c: begins the looks at where SNS's certificates come from. NULL: no queue
 * needs them; else to be freed once the loop has ended. */
struct http_client *doctor_look_at_certificates(struct doctor *doctor);

/* queue.c: begins the looks at a queue. */
void doctor_look_at_queue(struct doctor *doctor, const struct settings_queue *queue,
                          struct aws *aws);

#endif
