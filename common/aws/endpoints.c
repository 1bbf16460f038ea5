/* Where each service is, and for which region it is signed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static bool is_loopback(struct str host)
{
    return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("[::1]")) ||
           (str_starts_with(host, STR("127.")) && strspn(host.ptr, "0123456789.") >= host.len);
}

static struct str host_of(struct str authority)
{
    const char *bracket = authority.len ? memchr(authority.ptr, ']', authority.len) : NULL;

    if (bracket)
        return str_from(authority.ptr, (size_t)(bracket + 1 - authority.ptr));
    return str_split(&authority, ':');
}

int check_endpoint(const char *url, struct error *error)
{
    struct str rest = str_of(url);
    bool plain = strncasecmp(url, "http://", 7) == 0;

    if (!plain && strncasecmp(url, "https://", 8) != 0)
        return error_set(error, "'%s' is no http or https URL", url);
    rest = str_from(url + (plain ? 7 : 8), rest.len - (plain ? 7 : 8));
    struct str authority = str_split(&rest, '/');
    struct str host = host_of(authority);
    if (host.len == 0 || memchr(authority.ptr, '@', authority.len))
        return error_set(error, "'%s' names no host, or a user", url);
    if (plain && !is_loopback(host))
        return error_set(error, "'%s' would send signed requests unencrypted; use https", url);
    return 0;
}

/* The first match wins: "AWS SDKs and Tools Reference Guide: Service-specific endpoints". */
static const char *configured_endpoint(const struct service *service, const char *profile,
                                       const struct shared_files *files)
{
    const char *ignore = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *url = NULL;

    if (ignore && strcasecmp(ignore, "true") == 0)
        return NULL;
    if ((url = variable(service->endpoint_variable)) || (url = variable("AWS_ENDPOINT_URL")))
        return url;
    const char *set = shared_files_get(files, SHARED_CONFIG, profile, "services");
    if (set) {
        cleanup(mem_freep) char *section = mem_printf("services %s", set);
        cleanup(mem_freep) char *name = mem_printf("%s.endpoint_url", service->endpoint_key);
        url = shared_files_get(files, SHARED_CONFIG, section, name);
    }
    return url ? url : shared_files_get(files, SHARED_CONFIG, profile, "endpoint_url");
}

static void set_regular_endpoint(struct endpoint *endpoint, enum aws_service id,
                                 const struct partition *partition)
{
    const char *host = id == AWS_ENTITLEMENT ? partition->entitlement_host
                       : id == AWS_METERING  ? partition->metering_host
                                             : services[id].name;

    endpoint->url = mem_printf("https://%s.%s.%s/", host, endpoint->region, partition->suffix);
}

static int resolve_endpoint(struct aws *aws, enum aws_service id, const char *setting,
                            const struct shared_files *files, struct error *error)
{
    const struct partition *partition = partition_of(aws->region);
    struct endpoint *endpoint = &aws->endpoints[id];
    const char *url = or_null(setting);

    /* Another address does not change what is signed for. */
    endpoint->region =
        mem_strdup(id == AWS_ENTITLEMENT ? partition->marketplace_region : aws->region);
    if (!url)
        url = configured_endpoint(&services[id], aws->profile, files);
    if (!url) {
        set_regular_endpoint(endpoint, id, partition);
        return 0;
    }
    if (check_endpoint(url, error) < 0)
        return error_prefix(error, "the endpoint of %s", services[id].name);
    endpoint->url = mem_strdup(url);
    return 0;
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
    if (!region)
        region = "us-east-1";
    /* It becomes part of a host name. */
    if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return error_set(error, "'%s' is no AWS region", region);
    aws->region = mem_strdup(region);
    return 0;
}

int resolve_region_and_endpoints(struct aws *aws, const struct aws_options *options,
                                 const struct shared_files *files, struct error *error)
{
    if (resolve_region(aws, options->region, files, error) < 0)
        return -1;
    for (enum aws_service id = 0; id < AWS_SERVICE_COUNT; id++) {
        if (resolve_endpoint(aws, id, options->endpoint[id], files, error) < 0)
            return -1;
    }
    return 0;
}
