/* A client is made of settings, AWS's variables and files, and freed. */
#include <inttypes.h>

#include "common/aws/client/ask_sts.h"
#include "common/aws/client/call.h"
#include "common/aws/client/caller.h"
#include "common/aws/client/client.h"
#include "common/aws/client/retry.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

enum { DEFAULT_ATTEMPT_TIMEOUT_MS = 10000, PROCESS_LIMIT_MS = 60000 };

static bool is_set(const char *text)
{
    return text && text[0];
}

static void on_settled(void *arg, bool changed)
{
    calls_credentials_settled(arg);
    if (changed)
        caller_credentials_changed(arg);
}

static struct credentials_options credentials_options(struct aws *aws,
                                                      const struct aws_options *options)
{
    return (struct credentials_options){
        .means = {.loop = aws->loop,
                  .http = aws->http,
                  .sts = sts_of(aws),
                  .session_name = mem_printf("entitled-%" PRId64, clock_wall_s()),
                  .process_limit_ms = PROCESS_LIMIT_MS,
                  .endpoints = &aws->endpoints,
                  .warnings = &aws->warnings},
        .clock = &aws->clock,
        .random = aws->random,
        .on_event = options->on_credentials,
        .on_event_arg = options->on_credentials_arg,
        .on_settled = on_settled,
        .on_settled_arg = aws,
    };
}

static struct credentials_settings credentials_settings(const struct aws_options *options)
{
    return (struct credentials_settings){
        .access_key_id = options->access_key_id,
        .secret_access_key = options->secret_access_key,
        .session_token = options->session_token,
        .profile_is_named = is_set(options->profile),
        .role = {.arn = options->role_arn,
                 .session_name = options->role_session_name,
                 .external_id = options->external_id},
    };
}

static int set_up(struct aws *aws, const struct aws_options *options, struct error *error)
{
    cleanup(configured_done) struct configured configured = {0};
    struct credentials_settings settings = credentials_settings(options);
    struct endpoints_settings named = {
        .region = options->region,
        .urls = options->endpoint,
        .services = options->services ? options->services | AWS_CALLS(AWS_STS) : ~0U,
    };

    if (configured_read(&configured, options->profile, &aws->warnings, error) < 0 ||
        endpoints_resolve(&aws->endpoints, &named, &configured, error) < 0)
        return -1;
    aws->max_attempts = retry_max_attempts(&configured);
    aws->http = http_client_new(aws->loop,
                                is_set(options->ca_bundle)
                                    ? options->ca_bundle
                                    : configured_text(&configured, "AWS_CA_BUNDLE", "ca_bundle"));
    aws->credentials.options = credentials_options(aws, options);
    return credentials_open(&aws->credentials, &settings, &configured, error);
}

int aws_new(struct aws **ret, struct loop *loop, const struct aws_options *options,
            struct error *error)
{
    struct aws *aws = mem_alloc_zero(sizeof(*aws));

    aws->loop = loop;
    aws->random = retry_random;
    aws->clock = (struct aws_clock){.wall_ms = clock_wall_ms, .mono_ms = clock_mono_ms};
    aws->on_clock = options->on_clock;
    aws->warnings = (struct aws_warnings){options->on_warning, options->on_warning_arg};
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
    credentials_close(&aws->credentials);
    caller_close(aws);
    while (aws->calls)
        aws_call_cancel(aws->calls);
    http_client_free(aws->http);
    endpoints_done(&aws->endpoints);
    mem_free(aws->credentials.options.means.session_name);
    mem_free(aws);
}

struct str aws_region(const struct aws *aws)
{
    return str_of(aws->endpoints.region);
}

struct str aws_credentials_source(const struct aws *aws)
{
    return credentials_source_name(&aws->credentials);
}

int64_t aws_clock_offset_s(const struct aws *aws)
{
    return aws->clock.offset_s;
}

struct str aws_endpoint(const struct aws *aws, enum aws_service service)
{
    return str_of(aws->endpoints.of[service].url);
}
