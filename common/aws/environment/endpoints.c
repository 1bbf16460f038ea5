/* Where each service is, and for which region it is signed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/aws/internal.h"
#include "common/base/mem.h"

enum { MARKETPLACE_ANSWER_LIMIT = 4 << 20, SQS_ANSWER_LIMIT = 32 << 20, STS_ANSWER_LIMIT = 65536 };

const struct service services[AWS_SERVICE_COUNT] = {
    [AWS_METERING] = {"metering", "aws-marketplace", "AWSMPMeteringService",
                      "application/x-amz-json-1.1", "AWS_ENDPOINT_URL_MARKETPLACE_METERING",
                      "marketplace_metering", MARKETPLACE_ANSWER_LIMIT},
    [AWS_ENTITLEMENT] = {"entitlement", "aws-marketplace", "AWSMPEntitlementService",
                         "application/x-amz-json-1.1",
                         "AWS_ENDPOINT_URL_MARKETPLACE_ENTITLEMENT_SERVICE",
                         "marketplace_entitlement_service", MARKETPLACE_ANSWER_LIMIT},
    [AWS_SQS] = {"sqs", "sqs", "AmazonSQS", "application/x-amz-json-1.0", "AWS_ENDPOINT_URL_SQS",
                 "sqs", SQS_ANSWER_LIMIT},
    [AWS_STS] = {"sts", "sts", NULL, "application/x-www-form-urlencoded; charset=utf-8",
                 "AWS_ENDPOINT_URL_STS", "sts", STS_ANSWER_LIMIT},
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

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static const char *or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

/* The first match wins: "AWS SDKs and Tools Reference Guide: Service-specific endpoints". */
static const char *configured_endpoint(const struct aws *aws, const struct service *service,
                                       const struct shared_files *files)
{
    const char *url = NULL;

    if (aws->endpoints_ignored)
        return NULL;
    if ((url = variable(service->endpoint_variable)) || (url = variable("AWS_ENDPOINT_URL")))
        return url;
    const char *set = shared_files_get(files, SHARED_CONFIG, aws->profile, "services");
    if (set) {
        cleanup(mem_freep) char *section = mem_printf("services %s", set);
        cleanup(mem_freep) char *name = mem_printf("%s.endpoint_url", service->endpoint_key);
        url = shared_files_get(files, SHARED_CONFIG, section, name);
    }
    return url ? url : shared_files_get(files, SHARED_CONFIG, aws->profile, "endpoint_url");
}

static char *regular_endpoint(const struct aws *aws, enum aws_service id)
{
    const struct partition *partition = partition_of(aws->region);
    const char *host = id == AWS_ENTITLEMENT ? partition->entitlement_host
                       : id == AWS_METERING  ? partition->metering_host
                                             : services[id].name;

    return mem_printf("https://%s.%s.%s/", host, aws->endpoints[id].region, partition->suffix);
}

/* SQS and STS by botocore's endpoint rules, the Marketplace services as AWS documents them ("AWS
 * Marketplace endpoints and quotas"). NULL: none is known, and a guessed host would get signed
 * requests. */
static char *variant_endpoint(const struct aws *aws, enum aws_service id)
{
    const char *region = aws->endpoints[id].region;
    bool common_api = id == AWS_SQS || id == AWS_STS;

    if (strcmp(partition_of(aws->region)->suffix, "amazonaws.com") != 0)
        return NULL;
    if (common_api)
        return mem_printf("https://%s%s.%s.%s/", services[id].name, aws->fips ? "-fips" : "",
                          region, aws->dual_stack ? "api.aws" : "amazonaws.com");
    return aws->fips ? NULL
                     : mem_printf("https://%s-marketplace.%s.api.aws/", services[id].name, region);
}

static bool is_called(const struct aws *aws, enum aws_service id)
{
    return aws->services & AWS_CALLS(id);
}

/* FIPS is asked for because something else is forbidden; dual stack only prefers. */
static int choose_endpoint(struct aws *aws, enum aws_service id, struct error *error)
{
    struct endpoint *endpoint = &aws->endpoints[id];

    mem_free(take(endpoint->url));
    if (aws->fips || aws->dual_stack)
        endpoint->url = variant_endpoint(aws, id);
    if (!endpoint->url && aws->fips && is_called(aws, id))
        return error_set(error,
                         "AWS_USE_FIPS_ENDPOINT is set, and no FIPS endpoint of %s is known for "
                         "%s; name one by %s",
                         services[id].name, endpoint->region, services[id].endpoint_variable);
    if (!endpoint->url && aws->dual_stack && is_called(aws, id))
        aws_warn(aws,
                 "AWS_USE_DUALSTACK_ENDPOINT is set, and no dual-stack endpoint of %s is known for "
                 "%s; its regular one is used",
                 services[id].name, endpoint->region);
    if (!endpoint->url)
        endpoint->url = regular_endpoint(aws, id);
    return 0;
}

static int resolve_endpoint(struct aws *aws, enum aws_service id, struct error *error)
{
    struct endpoint *endpoint = &aws->endpoints[id];

    mem_free(endpoint->region);
    /* Another address does not change what is signed for. */
    endpoint->region = mem_strdup(
        id == AWS_ENTITLEMENT ? partition_of(aws->region)->marketplace_region : aws->region);
    return endpoint->configured ? 0 : choose_endpoint(aws, id, error);
}

static int configure_endpoint(struct aws *aws, enum aws_service id, const char *setting,
                              const struct shared_files *files, struct error *error)
{
    struct endpoint *endpoint = &aws->endpoints[id];
    const char *url = or_null(setting);

    if (!url)
        url = configured_endpoint(aws, &services[id], files);
    if (!url)
        return 0;
    if (check_endpoint(url, error) < 0 && !is_called(aws, id))
        return 0;
    if (check_endpoint(url, error) < 0)
        return error_prefix(error, "the endpoint of %s", services[id].name);
    endpoint->url = mem_strdup(url);
    endpoint->configured = true;
    return 0;
}

/* It becomes part of a host name. */
static bool is_region(struct str text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(letters, text.ptr[i], sizeof(letters) - 1))
            return false;
    }
    return text.len > 0 && text.len < 64;
}

static char *lower(struct str text)
{
    char *copy = str_dup(text);

    for (char *at = copy; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

static int resolve_region(struct aws *aws, const char *setting, const struct shared_files *files,
                          struct error *error)
{
    const char *region = or_null(setting);

    if (!region)
        region = variable("AWS_REGION");
    if (!region)
        region = variable("AWS_DEFAULT_REGION");
    if (!region)
        region = shared_files_get(files, SHARED_CONFIG, aws->profile, "region");
    aws->region_is_default = !region;
    if (!region)
        region = "us-east-1";
    aws->region = lower(str_trim(str_of(region)));
    return is_region(str_of(aws->region)) ? 0 : error_set(error, "'%s' is no AWS region", region);
}

int resolve_region_and_endpoints(struct aws *aws, const struct aws_options *options,
                                 const struct shared_files *files, struct error *error)
{
    struct configured from = {aws, files};

    if (resolve_region(aws, options->region, files, error) < 0)
        return -1;
    configured_bool(&from, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls",
                    &aws->endpoints_ignored);
    configured_bool(&from, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                    &aws->dual_stack);
    configured_bool(&from, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &aws->fips);
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (configure_endpoint(aws, id, options->endpoint[id], files, error) < 0)
            return -1;
    }
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (resolve_endpoint(aws, id, error) < 0)
            return -1;
    }
    return 0;
}

void region_found(struct aws *aws, struct str region)
{
    if (!aws->region_is_default || !is_region(region))
        return;
    aws->region_is_default = false;
    mem_free(aws->region);
    aws->region = str_dup(region);
    /* FIPS hosts were known for the default, and may not be for this one. */
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (resolve_endpoint(aws, id, NULL) < 0)
            aws->endpoints[id].url = regular_endpoint(aws, id);
    }
}
