#include "common/aws/environment/endpoints.h"

#include <string.h>

#include "common/aws/environment/region.h"
#include "common/aws/environment/url.h"
#include "common/base/mem.h"

struct service {
    const char *name; /* as settings and hosts have it */
    const char *endpoint_variable;
    const char *endpoint_key; /* in a [services] section of the shared files */
};

static const struct service services[AWS_SERVICE_COUNT] = {
    [AWS_METERING] = {"metering", "AWS_ENDPOINT_URL_MARKETPLACE_METERING", "marketplace_metering"},
    [AWS_ENTITLEMENT] = {"entitlement", "AWS_ENDPOINT_URL_MARKETPLACE_ENTITLEMENT_SERVICE",
                         "marketplace_entitlement_service"},
    [AWS_SQS] = {"sqs", "AWS_ENDPOINT_URL_SQS", "sqs"},
    [AWS_STS] = {"sts", "AWS_ENDPOINT_URL_STS", "sts"},
};

/* botocore's endpoint rule tests. The entitlement service exists in one region of a partition. */
struct partition {
    const char *region_prefix;
    const char *suffix;
    const char *marketplace_region; /* of the entitlement service */
    const char *entitlement_host;
    const char *metering_host; /* %s: region */
};

static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "cn-northwest-1", "entitlement-marketplace",
     "metering.marketplace"},
    {"eusc-", "amazonaws.eu", "eusc-de-east-1", "entitlement-marketplace", "metering-marketplace"},
    {"", "amazonaws.com", "us-east-1", "entitlement.marketplace", "metering.marketplace"},
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *partition = partitions;

    while (strncmp(region, partition->region_prefix, strlen(partition->region_prefix)) != 0)
        partition++;
    return partition;
}

/* The first match wins: "AWS SDKs and Tools Reference Guide: Service-specific endpoints". */
static const char *configured_endpoint(const struct endpoints *endpoints,
                                       const struct service *service, const struct configured *from)
{
    const char *url = NULL;

    if (endpoints->ignored)
        return NULL;
    if ((url = variable(service->endpoint_variable)) || (url = variable("AWS_ENDPOINT_URL")))
        return url;
    const char *set = shared_files_get(from->files, SHARED_CONFIG, from->profile, "services");
    if (set) {
        cleanup(mem_freep) char *section = mem_printf("services %s", set);
        cleanup(mem_freep) char *name = mem_printf("%s.endpoint_url", service->endpoint_key);
        url = shared_files_get(from->files, SHARED_CONFIG, section, name);
    }
    return url ? url : shared_files_get(from->files, SHARED_CONFIG, from->profile, "endpoint_url");
}

static char *regular_endpoint(const struct endpoints *endpoints, enum aws_service id)
{
    const struct partition *partition = partition_of(endpoints->region);
    const char *host = id == AWS_ENTITLEMENT ? partition->entitlement_host
                       : id == AWS_METERING  ? partition->metering_host
                                             : services[id].name;

    return mem_printf("https://%s.%s.%s/", host, endpoints->of[id].region, partition->suffix);
}

/* SQS and STS by botocore's endpoint rules, the Marketplace services as AWS documents them ("AWS
 * Marketplace endpoints and quotas"). NULL: none is known, and a guessed host would get signed
 * requests. */
static char *variant_endpoint(const struct endpoints *endpoints, enum aws_service id)
{
    const char *region = endpoints->of[id].region;
    bool common_api = id == AWS_SQS || id == AWS_STS;

    if (strcmp(partition_of(endpoints->region)->suffix, "amazonaws.com") != 0)
        return NULL;
    if (common_api)
        return mem_printf("https://%s%s.%s.%s/", services[id].name, endpoints->fips ? "-fips" : "",
                          region, endpoints->dual_stack ? "api.aws" : "amazonaws.com");
    return endpoints->fips
               ? NULL
               : mem_printf("https://%s-marketplace.%s.api.aws/", services[id].name, region);
}

static bool is_called(const struct endpoints *endpoints, enum aws_service id)
{
    return endpoints->services & AWS_CALLS(id);
}

/* FIPS is asked for because something else is forbidden; dual stack only prefers. */
static int choose_endpoint(struct endpoints *endpoints, enum aws_service id, struct error *error)
{
    struct endpoint *endpoint = &endpoints->of[id];

    mem_free(take(endpoint->url));
    if (endpoints->fips || endpoints->dual_stack)
        endpoint->url = variant_endpoint(endpoints, id);
    if (!endpoint->url && endpoints->fips && is_called(endpoints, id))
        return error_set(error,
                         "AWS_USE_FIPS_ENDPOINT is set, and no FIPS endpoint of %s is known for "
                         "%s; name one by %s",
                         services[id].name, endpoint->region, services[id].endpoint_variable);
    if (!endpoint->url && endpoints->dual_stack && is_called(endpoints, id))
        aws_warn(endpoints->warnings,
                 "AWS_USE_DUALSTACK_ENDPOINT is set, and no dual-stack endpoint of %s is known for "
                 "%s; its regular one is used",
                 services[id].name, endpoint->region);
    if (!endpoint->url)
        endpoint->url = regular_endpoint(endpoints, id);
    return 0;
}

static int resolve_endpoint(struct endpoints *endpoints, enum aws_service id, struct error *error)
{
    struct endpoint *endpoint = &endpoints->of[id];

    mem_free(endpoint->region);
    /* Another address does not change what is signed for. */
    endpoint->region =
        mem_strdup(id == AWS_ENTITLEMENT ? partition_of(endpoints->region)->marketplace_region
                                         : endpoints->region);
    return endpoint->configured ? 0 : choose_endpoint(endpoints, id, error);
}

static int configure_endpoint(struct endpoints *endpoints, enum aws_service id, const char *setting,
                              const struct configured *from, struct error *error)
{
    struct endpoint *endpoint = &endpoints->of[id];
    const char *url =
        setting && setting[0] ? setting : configured_endpoint(endpoints, &services[id], from);

    if (!url)
        return 0;
    if (url_check_endpoint(url, error) < 0 && !is_called(endpoints, id))
        return 0;
    if (url_check_endpoint(url, error) < 0)
        return error_prefix(error, "the endpoint of %s", services[id].name);
    endpoint->url = mem_strdup(url);
    endpoint->configured = true;
    return 0;
}

int endpoints_resolve(struct endpoints *endpoints, const struct endpoints_settings *settings,
                      const struct configured *from, struct error *error)
{
    endpoints->services = settings->services;
    endpoints->warnings = from->warnings;
    if (region_resolve(from, settings->region, &endpoints->region, &endpoints->region_is_default,
                       error) < 0)
        return -1;
    configured_bool(from, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls",
                    &endpoints->ignored);
    configured_bool(from, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                    &endpoints->dual_stack);
    configured_bool(from, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &endpoints->fips);
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (configure_endpoint(endpoints, id, settings->urls[id], from, error) < 0)
            return -1;
    }
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (resolve_endpoint(endpoints, id, error) < 0)
            return -1;
    }
    return 0;
}

void endpoints_done(struct endpoints *endpoints)
{
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        mem_free(take(endpoints->of[id].url));
        mem_free(take(endpoints->of[id].region));
    }
    mem_free(take(endpoints->region));
}

void endpoints_region_found(struct endpoints *endpoints, struct str region)
{
    if (!endpoints->region_is_default || !region_is_valid(region))
        return;
    endpoints->region_is_default = false;
    mem_free(endpoints->region);
    endpoints->region = str_dup(region);
    /* FIPS hosts were known for the default, and may not be for this one. */
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (resolve_endpoint(endpoints, id, NULL) < 0)
            endpoints->of[id].url = regular_endpoint(endpoints, id);
    }
}
