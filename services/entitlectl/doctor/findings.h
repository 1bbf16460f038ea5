/* The doctor's findings: one line each, in the order of the looks, not of the answers.
 *
 * Texts are copied; bytes that are not text become question marks.
 */
#ifndef SERVICES_ENTITLECTL_DOCTOR_FINDINGS_H
#define SERVICES_ENTITLECTL_DOCTOR_FINDINGS_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/json/json.h"

enum finding_level {
    FINDING_OK,
    FINDING_WARNING, /* works, but may fail later or differ from the intention */
    FINDING_UNKNOWN, /* could not be found out now */
    FINDING_WRONG,
};

struct finding {
    size_t place; /* of the look */
    enum finding_level level;
    const char *look;   /* "queue_policy": a literal */
    struct str subject; /* which of several: a label; may be empty */
    struct str text;
    struct str advice; /* what to do; may be empty */
};

struct findings {
    struct arena arena;
    struct finding *items;
    size_t count, capacity;
};

void findings_done(struct findings *findings);

/* The subject may be empty, the advice NULL. A text is cut at 1,000 bytes. */
void findings_add(struct findings *findings, size_t place, enum finding_level level,
                  const char *look, struct str subject, const char *advice, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* The worst of them; FINDING_OK if there are none. */
enum finding_level findings_worst(const struct findings *findings);
void findings_sort(struct findings *findings); /* by place; those of one place in the order in which
                                                  they were added */
void findings_write(const struct findings *findings, struct buf *out);
struct json *findings_json(const struct findings *findings);

#endif
