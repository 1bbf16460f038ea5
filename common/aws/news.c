/* The news of the credentials as log lines: the same three for every daemon. */
#include "common/aws/aws.h"
#include "common/base/clock.h"
#include "common/log/log.h"

void aws_log_credentials(void *arg, const struct aws_credentials_news *news)
{
    char until[CLOCK_TEXT_SIZE];
    (void)arg;

    clock_format_s(news->expires_at_s, until);
    if (str_is_empty(news->failure))
        log_info("AWS credentials are in use", LOG_STR("source", news->source),
                 LOG_TEXT("expires_at", until));
    else if (news->usable)
        log_warning("no newer AWS credentials; those in use stay, and the source is asked again",
                    LOG_STR("source", news->source), LOG_STR("error", news->failure),
                    LOG_TEXT("expires_at", until));
    else
        log_error("no AWS credentials; the source is asked again", LOG_STR("source", news->source),
                  LOG_STR("error", news->failure));
}
