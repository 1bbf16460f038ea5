/* By which texts a record is known. */
#include "proto/record/record.h"

#include <string.h>

/* Without branches: digits and letters come in no order that could be predicted. */
static bool is_license_char(char c)
{
    unsigned digit = (unsigned)c - '0', letter = ((unsigned)c | 0x20) - 'a';

    return (digit < 10) | (letter < 26) | (c == '-');
}

enum { KEY_MIN = 3, KEY_MAX = 255 }; /* what a record holds; see messages.def */

static bool is_license_key(struct str s)
{
    if (s.len < KEY_MIN || s.len > KEY_MAX || !str_starts_with(s, STR("l-")))
        return false;
    bool all = true;
    for (size_t i = 0; i < s.len; i++)
        all &= is_license_char(s.ptr[i]);
    return all;
}

/* In every spelling of a licence's ARN. */
static const char service[] = ":license-manager:";

/* Without a colon and without blanks around it a licence is its own key, and so is anything else.
 */
static bool may_have_spellings(struct str s)
{
    return s.len > 0 && (s.ptr[0] <= ' ' || s.ptr[s.len - 1] <= ' ' ||
                         (s.len >= sizeof(service) && memchr(s.ptr, ':', s.len)));
}

/* The API samples print arn:aws:license-manager::ACCOUNT:license:l-..., the samples of License
 * Updated aws:license-manager:REGION:ACCOUNT:l-... without arn (AWS Marketplace Seller Guide,
 * "Amazon EventBridge notifications for SaaS"). The end is the same in all of them. */
struct str license_key(struct str license)
{
    struct str s = str_trim(license);
    const char *colon = s.len > 0 ? memrchr(s.ptr, ':', s.len) : NULL;
    struct str last = s;

    if (colon) {
        if (!memmem(s.ptr, s.len, service, sizeof(service) - 1))
            return STR_NONE;
        last = str_from(colon + 1, (size_t)(s.ptr + s.len - (colon + 1)));
    }
    return is_license_key(last) ? last : STR_NONE;
}

struct str handle_key(struct str handle)
{
    struct str key = may_have_spellings(handle) ? license_key(handle) : STR_NONE;

    return key.len > 0 ? key : handle;
}

bool record_has_id(const struct subscription *record, struct str id)
{
    if (id.len == 0)
        return false;
    if (str_eq(id, record->id))
        return true;
    for (size_t i = 0; i < record->aliases.count; i++) {
        if (str_eq(id, record->aliases.items[i]))
            return true;
    }
    return false;
}

bool record_has_handle(const struct subscription *record, struct str handle)
{
    struct str key = license_key(handle);

    if (handle.len == 0)
        return false;
    if (key.len > 0 && str_eq(key, record->license_key))
        return true;
    return record_has_id(record, handle) || str_eq(handle, record->tenant) ||
           str_eq(handle, record->account_id) || str_eq(handle, record->customer_identifier) ||
           str_eq(handle, record->license_arn);
}

struct owner record_owner(struct str license, struct str customer_identifier, struct str account_id)
{
    if (license.len > 0)
        return (struct owner){SCOPE_LICENSE, license};
    if (customer_identifier.len > 0)
        return (struct owner){SCOPE_CUSTOMER_IDENTIFIER, customer_identifier};
    return (struct owner){account_id.len > 0 ? SCOPE_ACCOUNT : scope_none, account_id};
}

struct owner record_row_owner(const struct aws_entitlement *row)
{
    return record_owner(license_key(row->license_arn), row->customer_identifier, row->account_id);
}

int record_compare_owners(struct owner a, struct owner b)
{
    return a.by == b.by ? str_compare(a.key, b.key) : (int)a.by - (int)b.by;
}
