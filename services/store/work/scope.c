#include "services/store/work/scope.h"

#include "proto/record/record.h"

/* An end is looked for by account: that call also finds a successor's licence, and a record whose
 * licence is known from an event alone has no ARN that AWS would surely accept. */
static enum scope widest_scope(const struct subscription *record)
{
    if (record->account_id.len > 0)
        return SCOPE_ACCOUNT;
    if (record->customer_identifier.len > 0)
        return SCOPE_CUSTOMER_IDENTIFIER;
    return record->license_arn.len > 0 ? SCOPE_LICENSE : scope_none;
}

enum scope scope_of(const struct subscription *record, bool *ret_probe_product)
{
    struct evidence evidence = record_evidence(record);
    bool may_end = record->entitlements.count > 0 || evidence.notice != notice_none;

    *ret_probe_product = false;
    if (evidence.empty_at != 0 && may_end) {
        *ret_probe_product = !record_end_is_explained(record);
        return widest_scope(record);
    }
    if (record->license_arn.len > 0)
        return SCOPE_LICENSE;
    if (record->license_key.len == 0 && record->customer_identifier.len > 0)
        return SCOPE_CUSTOMER_IDENTIFIER;
    return widest_scope(record);
}
