#include "services/entitlectl/doctor/marketplace_region.h"

#include <ctype.h>
#include <string.h>

/* "AWS Marketplace endpoints and quotas", AWS general reference; botocore's endpoints.json. */
static const char *const metering_regions[] = {
    "af-south-1",     "ap-east-1",    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1",     "ap-south-2",   "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ca-central-1", "eu-central-1",   "eu-central-2",   "eu-north-1",
    "eu-south-1",     "eu-south-2",   "eu-west-1",      "eu-west-2",      "eu-west-3",
    "il-central-1",   "me-central-1", "me-south-1",     "sa-east-1",      "us-east-1",
    "us-east-2",      "us-west-1",    "us-west-2",      "cn-northwest-1", "eusc-de-east-1",
};

struct str marketplace_home(struct str region)
{
    if (str_starts_with(region, STR("cn-")))
        return STR("cn-northwest-1");
    return str_starts_with(region, STR("eusc-")) ? STR("eusc-de-east-1") : STR("us-east-1");
}

static bool has_metering(struct str region)
{
    for (size_t i = 0; i < sizeof(metering_regions) / sizeof(metering_regions[0]); i++) {
        if (str_eq_text(region, metering_regions[i]))
            return true;
    }
    return false;
}

static struct str host_of(struct str url)
{
    const char *at = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;

    if (!at)
        return STR_NONE;
    struct str rest = str_from(at + 3, url.len - (size_t)(at + 3 - url.ptr));
    rest = str_split(&rest, '/');
    return str_split(&rest, ':');
}

static bool is_amazons(struct str host)
{
    static const char *const suffixes[] = {".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
                                           ".api.aws"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (str_ends_with(host, str_of(suffixes[i])))
            return true;
    }
    return false;
}

/* The part of a host's name that looks like "eu-west-1". */
static struct str region_in(struct str host)
{
    while (!str_is_empty(host)) {
        struct str label = str_split(&host, '.');
        if (label.len > 2 && isdigit((unsigned char)label.ptr[label.len - 1]) &&
            memchr(label.ptr, '-', label.len))
            return label;
    }
    return STR_NONE;
}

#define VERDICT(level, advice, ...)                                                                \
    (struct region_verdict)                                                                        \
    {                                                                                              \
        level, arena_printf(arena, __VA_ARGS__), advice                                            \
    }

static struct region_verdict judge_entitlement(struct str region, struct str url,
                                               struct arena *arena)
{
    struct str home = marketplace_home(region), named = region_in(host_of(url));

    if (named.len > 0 && !str_eq(named, home))
        return VERDICT(FINDING_WRONG, "leave endpoint_entitlement empty",
                       "GetEntitlements goes to " STR_FMT ", and the service is only in " STR_FMT,
                       STR_ARG(url), STR_ARG(home));
    return VERDICT(FINDING_OK, NULL, "GetEntitlements goes to " STR_FMT ", signed for " STR_FMT,
                   STR_ARG(url), STR_ARG(home));
}

static struct region_verdict judge_metering(struct str region, struct str url, struct arena *arena)
{
    struct str named = region_in(host_of(url));

    if (!has_metering(region))
        return VERDICT(FINDING_WARNING, "set region in [aws]; us-east-1 is never wrong",
                       "ResolveCustomer is signed for " STR_FMT
                       ", which is not known to have the metering service",
                       STR_ARG(region));
    if (named.len > 0 && !str_eq(named, region))
        return VERDICT(FINDING_WRONG,
                       "leave endpoint_metering empty, or set region in [aws] to its",
                       "ResolveCustomer goes to " STR_FMT ", and is signed for " STR_FMT,
                       STR_ARG(url), STR_ARG(region));
    return VERDICT(FINDING_OK, NULL, "ResolveCustomer goes to " STR_FMT ", signed for " STR_FMT,
                   STR_ARG(url), STR_ARG(region));
}

struct region_verdict marketplace_region_judge(enum aws_service service, struct str region,
                                               struct str url, struct arena *arena)
{
    struct region_verdict verdict = service == AWS_ENTITLEMENT
                                        ? judge_entitlement(region, url, arena)
                                        : judge_metering(region, url, arena);

    if (verdict.level != FINDING_OK || is_amazons(host_of(url)))
        return verdict;
    return VERDICT(FINDING_WARNING, "meant only for a sandbox, a proxy or a VPC endpoint",
                   STR_FMT ": not an address of AWS", STR_ARG(verdict.text));
}
