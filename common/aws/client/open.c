#include "common/aws/client/aws.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/aws/internal.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

enum { DEFAULT_ATTEMPT_TIMEOUT_MS = 10000, PROCESS_LIMIT_MS = 60000 };

static const char *first_set(const char *a, const char *b, const char *c)
{
    if (a && a[0])
        return a;
    if (b && b[0])
        return b;
    return c && c[0] ? c : NULL;
}

static int set_up(struct aws *aws, const struct aws_options *options, struct error *error)
{
    cleanup(shared_files_freep) struct shared_files *files = NULL;
    const char *named =
        first_set(options->profile, getenv("AWS_PROFILE"), getenv("AWS_DEFAULT_PROFILE"));

    if (shared_files_read(&files, error) < 0)
        return -1;
    if (named && !shared_files_has(files, named))
        return error_set(error, "the AWS profile '%s' is in none of the shared files", named);
    aws->profile = mem_strdup(named ? named : "default");
    if (resolve_region_and_endpoints(aws, options, files, error) < 0)
        return -1;
    resolve_retries(aws, files);
    struct configured from = {aws, files};
    aws->http = http_client_new(
        aws->loop,
        first_set(options->ca_bundle, configured_text(&from, "AWS_CA_BUNDLE", "ca_bundle"), NULL));
    return credentials_open(aws, options, files, error);
}

int aws_new(struct aws **ret, struct loop *loop, const struct aws_options *options,
            struct error *error)
{
    struct aws *aws = mem_alloc_zero(sizeof(*aws));

    aws->loop = loop;
    aws->random = retry_random;
    aws->wall_ms = clock_wall_ms;
    aws->mono_ms = clock_mono_ms;
    aws->process_limit_ms = PROCESS_LIMIT_MS;
    aws->on_clock = options->on_clock;
    aws->on_warning = options->on_warning;
    aws->on_warning_arg = options->on_warning_arg;
    aws->services = options->services ? options->services | AWS_CALLS(AWS_STS) : ~0U;
    aws->session_name = mem_printf("entitled-%" PRId64, clock_wall_s());
    aws->retry_tokens = RETRY_TOKENS;
    aws->attempt_timeout_ms =
        options->attempt_timeout_ms > 0 ? options->attempt_timeout_ms : DEFAULT_ATTEMPT_TIMEOUT_MS;
    if (set_up(aws, options, error) < 0) {
        aws_free(aws);
        return -1;
    }
    *ret = aws;
    return 0;
}

void aws_free(struct aws *aws)
{
    if (!aws)
        return;
    credentials_close(aws);
    caller_close(aws);
    while (aws->calls)
        aws_call_cancel(aws->calls);
    http_client_free(aws->http);
    for (int i = 0; i < AWS_SERVICE_COUNT; i++) {
        mem_free(aws->endpoints[i].url);
        mem_free(aws->endpoints[i].region);
    }
    mem_free(aws->session_name);
    mem_free(aws->region);
    mem_free(aws->profile);
    mem_free(aws);
}

struct str aws_region(const struct aws *aws)
{
    return str_of(aws->region);
}

int64_t aws_clock_offset_s(const struct aws *aws)
{
    return aws->clock_offset_s;
}

struct str aws_endpoint(const struct aws *aws, enum aws_service service)
{
    return str_of(aws->endpoints[service].url);
}
