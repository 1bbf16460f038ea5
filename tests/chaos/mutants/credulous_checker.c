/* A checker that takes one empty answer for an end, without the evidence that an end needs. Linked
 * into the checker's own objects by the linker's --wrap, to prove that the campaign sees it. */
#include "proto/record/record.h"

enum counting __real_record_counting(const struct subscription *record,
                                     const struct entitlement *entitlement,
                                     const struct policy *policy, int64_t now_s);
enum counting __wrap_record_counting(const struct subscription *record,
                                     const struct entitlement *entitlement,
                                     const struct policy *policy, int64_t now_s);

enum counting __wrap_record_counting(const struct subscription *record,
                                     const struct entitlement *entitlement,
                                     const struct policy *policy, int64_t now_s)
{
    if (record_evidence(record).empty_at != 0)
        return COUNTING_ENDED;
    return __real_record_counting(record, entitlement, policy, now_s);
}
