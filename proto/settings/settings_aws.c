#include "proto/settings/settings_aws.h"

#include "proto/settings/queue_url.h"

struct aws_options settings_aws_options(const struct settings *settings)
{
    const struct settings_aws *aws = &settings->aws;

    return (struct aws_options){
        .region = aws->region,
        .profile = aws->profile,
        .endpoint =
            {
                [AWS_METERING] = aws->endpoint_metering,
                [AWS_ENTITLEMENT] = aws->endpoint_entitlement,
                [AWS_SQS] = aws->endpoint_sqs,
                [AWS_STS] = aws->endpoint_sts,
            },
        .access_key_id = aws->access_key_id,
        .secret_access_key = aws->secret_access_key,
        .session_token = aws->session_token,
        .role_arn = aws->role_arn,
        .external_id = aws->external_id,
        .role_session_name = aws->role_session_name,
        .ca_bundle = aws->ca_bundle,
        .attempt_timeout_ms = aws->attempt_timeout_ms,
    };
}

void settings_aws_role(struct aws_options *options, const char *role_arn)
{
    if (role_arn[0])
        options->role_arn = role_arn;
}

/* The first that says something. */
static const char *either(const char *first, struct str second, const char *third,
                          struct arena *arena)
{
    if (*first)
        return first;
    return str_is_empty(second) ? third : arena_str(arena, second).ptr;
}

struct aws_options settings_aws_queue(const struct settings *settings,
                                      const struct settings_queue *queue, struct arena *arena)
{
    struct aws_options options = settings_aws_options(settings);
    struct str url = str_of(queue->url);

    settings_aws_role(&options, settings->poller.role_arn);
    options.services = AWS_CALLS(AWS_SQS);
    options.region = either(queue->region, queue_url_region(url), options.region, arena);
    options.endpoint[AWS_SQS] = either(options.endpoint[AWS_SQS], queue_url_origin(url), "", arena);
    return options;
}
