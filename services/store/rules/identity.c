#include "services/store/rules/identity.h"

#include <string.h>

#include "services/store/tables/records.h"

static bool differ(struct str a, struct str b)
{
    return a.len > 0 && b.len > 0 && !str_eq(a, b);
}

bool identity_contradicts(const struct subscription *record, const struct keys *keys)
{
    return differ(record->license_key, keys->license_key) ||
           differ(record->customer_identifier, keys->customer_identifier) ||
           differ(record->account_id, keys->account_id);
}

void identity_agree(struct keys *keys, const struct keys *with)
{
    if (differ(keys->customer_identifier, with->customer_identifier))
        keys->customer_identifier = STR_NONE;
    if (differ(keys->account_id, with->account_id))
        keys->account_id = STR_NONE;
}

bool identity_by_license(struct db *db, struct str product_code, struct str license,
                         struct arena *arena, struct subscription *ret)
{
    if (license.len == 0)
        return false;
    struct subscription_list found = records_find(db, license, product_code, arena);
    for (size_t i = 0; i < found.count; i++) {
        if (str_eq(found.items[i].license_key, license)) {
            *ret = found.items[i];
            return true;
        }
    }
    return false;
}

bool identity_of_other_product(struct db *db, const struct keys *keys, struct arena *arena,
                               struct subscription *ret)
{
    struct subscription_list found = records_find(db, keys->license_key, STR_NONE, arena);

    for (size_t i = 0; i < found.count; i++) {
        const struct subscription *record = &found.items[i];
        if (str_eq(record->license_key, keys->license_key) && record->license_arn.len > 0 &&
            !str_eq(record->product_code, keys->product_code)) {
            *ret = *record;
            return true;
        }
    }
    return false;
}

enum named_by { BY_IDENTIFIER, BY_ACCOUNT };

static struct str key_of(const struct subscription *record, enum named_by by)
{
    return by == BY_IDENTIFIER ? record->customer_identifier : record->account_id;
}

/* How many records of the product the key names, and one of them. */
static size_t count_named(struct db *db, const struct keys *keys, enum named_by by, bool licensed,
                          struct arena *arena, struct subscription *ret)
{
    struct str key = by == BY_IDENTIFIER ? keys->customer_identifier : keys->account_id;
    struct subscription_list found = records_find(db, key, keys->product_code, arena);
    size_t count = 0;

    for (size_t i = 0; i < found.count; i++) {
        const struct subscription *record = &found.items[i];
        if (str_eq(key_of(record, by), key) && (record->license_key.len > 0) == licensed &&
            !identity_contradicts(record, keys)) {
            *ret = *record;
            count++;
        }
    }
    return count;
}

bool identity_by_identifier(struct db *db, const struct keys *keys, struct arena *arena,
                            struct subscription *ret)
{
    return count_named(db, keys, BY_IDENTIFIER, false, arena, ret) > 0;
}

bool identity_unlicensed(struct db *db, const struct keys *keys, struct arena *arena,
                         struct subscription *ret)
{
    if (identity_by_identifier(db, keys, arena, ret))
        return true;
    return count_named(db, keys, BY_ACCOUNT, false, arena, ret) == 1;
}

/* With a licence that is not known yet, an unlicensed record that already holds entitlements is not
 * taken: under concurrent agreements this may be a second purchase beside it. Its own next answer
 * tells, and merges the two if they are one. */
bool identity_of_registration(struct db *db, const struct keys *keys, struct arena *arena,
                              struct subscription *ret)
{
    if (keys->license_key.len > 0)
        return identity_by_license(db, keys->product_code, keys->license_key, arena, ret) ||
               (identity_unlicensed(db, keys, arena, ret) && ret->entitlements.count == 0);
    return identity_unlicensed(db, keys, arena, ret) ||
           count_named(db, keys, BY_IDENTIFIER, true, arena, ret) == 1;
}

bool identity_tenants_differ(const struct subscription *a, const struct subscription *b)
{
    return differ(a->tenant, b->tenant);
}

static void fill(struct str *field, struct str value)
{
    if (field->len == 0)
        *field = value;
}

void identity_learn(struct subscription *record, const struct keys *keys)
{
    fill(&record->product_code, keys->product_code);
    fill(&record->license_key, keys->license_key);
    fill(&record->customer_identifier, keys->customer_identifier);
    fill(&record->account_id, keys->account_id);
    if (keys->license_arn.len == 0)
        return;
    /* An event alone may have named a wrong one. */
    if (record->license_arn.len == 0 && keys->account_id.len > 0)
        record->account_id = keys->account_id;
    record->license_arn = keys->license_arn;
}

struct subscription identity_new(const struct keys *keys)
{
    struct subscription record = {0};

    identity_learn(&record, keys);
    return record;
}
