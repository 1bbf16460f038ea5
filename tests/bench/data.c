#include "tests/bench/data.h"

#include <inttypes.h>
#include <string.h>

enum { YEAR_S = 365 * 24 * 3600 };

/* splitmix64's finaliser: numbers that do not look like a sequence. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void data_tenant(uint64_t i, char text[DATA_TENANT_LEN + 1])
{
    memcpy(text, "tenant-00000000", DATA_TENANT_LEN + 1);
    data_put_digits(i, text + DATA_DIGITS_AT);
}

struct str data_license_key(uint64_t i, struct arena *arena)
{
    return arena_printf(arena, "l-%016" PRIx64 "%016" PRIx64, mix(i + 1), mix(i ^ 0x5bd1e995u));
}

struct str data_license_arn(uint64_t i, struct arena *arena)
{
    struct str key = data_license_key(i, arena);

    return arena_printf(arena, "arn:aws:license-manager::294406891311:license:" STR_FMT,
                        STR_ARG(key));
}

struct str data_account(uint64_t i, struct arena *arena)
{
    return arena_printf(arena, "%012" PRIu64, 100000000000u + i);
}

static struct entitlement_list entitlements(uint64_t i, int64_t now_s, struct arena *arena)
{
    struct entitlement_list list = {arena_alloc_array(arena, 2, sizeof(*list.items)), 2};

    list.items[0] =
        (struct entitlement){.dimension = STR(DATA_DIMENSION),
                             .value = {.kind = VALUE_INTEGER, .integer = data_granted(i)},
                             .expires_at = now_s + YEAR_S};
    list.items[1] = (struct entitlement){.dimension = STR("storage_tb"),
                                         .value = {.kind = VALUE_INTEGER, .integer = 5},
                                         .expires_at = now_s + YEAR_S};
    return list;
}

void data_record(uint64_t i, int64_t now_s, struct arena *arena, struct subscription *ret)
{
    char tenant[DATA_TENANT_LEN + 1];

    data_tenant(i, tenant);
    *ret = (struct subscription){
        .id = arena_printf(arena, "s-%08" PRIx64 "%08" PRIx32, i, (uint32_t)mix(i)),
        .version = 1,
        .seq = 1,
        .product_code = STR(DATA_PRODUCT),
        .account_id = data_account(i, arena),
        .license_arn = data_license_arn(i, arena),
        .license_key = data_license_key(i, arena),
        .agreement_id = arena_printf(arena, "agmt-%025" PRIu64, i),
        .offer_id = STR("offer-abcdefghijklm"),
        .tenant = arena_str(arena, str_of(tenant)),
        .registered_at = now_s,
        .entitlements = entitlements(i, now_s, arena),
        .verified_at = now_s,
        .created_at = now_s,
        .updated_at = now_s,
    };
}

void data_answer(uint64_t i, int64_t now_s, struct arena *arena, struct answer *ret)
{
    *ret = (struct answer){
        .allow = true,
        .reason = REASON_ENTITLED,
        .granted = {.kind = VALUE_INTEGER, .integer = data_granted(i)},
        .expires_at = now_s + YEAR_S,
        .verified_at = now_s,
        .subscription = arena_printf(arena, "s-%08" PRIx64 "%08" PRIx32, i, (uint32_t)mix(i))};
}
