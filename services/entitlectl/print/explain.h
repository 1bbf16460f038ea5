/* A decision as one readable paragraph: the answer, AWS's statements and their times, what would
 * change it, and the time of the next call to AWS. Pure. */
#ifndef SERVICES_ENTITLECTL_PRINT_EXPLAIN_H
#define SERVICES_ENTITLECTL_PRINT_EXPLAIN_H

#include "common/base/buf.h"
#include "proto/record/record.h"

struct explain_facts {
    struct str handle;
    struct str dimension;
    double quantity;
    const struct answer *answer;
    const struct entitlements_result *holdings;
    /* One for each holding; NULL: the store did not say. */
    const struct due_result *const *dues;
    const struct policy *policy;
    int64_t now_s;
};

void explain_write(const struct explain_facts *facts, struct buf *out);

#endif
