/* What becomes of credentials and clock, as log lines: the same for every daemon. */
#include "common/log/log.h"
#include "common/aws/client/aws.h"
#include "common/base/clock.h"

void aws_log_credentials(void *arg, const struct aws_credentials_event *event)
{
    char until[CLOCK_TEXT_SIZE];
    (void)arg;

    clock_format_s(event->expires_at_s, until);
    if (str_is_empty(event->failure))
        log_info("AWS credentials are in use", LOG_STR("source", event->source),
                 LOG_TEXT("expires_at", until));
    else if (event->usable)
        log_warning("no newer AWS credentials; those in use stay, and the source is asked again",
                    LOG_STR("source", event->source), LOG_STR("error", event->failure),
                    LOG_TEXT("expires_at", until));
    else
        log_error("no AWS credentials; the source is asked again", LOG_STR("source", event->source),
                  LOG_STR("error", event->failure));
}

void aws_log_warning(void *arg, const char *sentence)
{
    (void)arg;
    log_warning("part of AWS's variables and files is not used as it is",
                LOG_TEXT("why", sentence));
}

/* Signatures go by AWS's clock then, answers to applications by this one. */
void aws_log_clock(int64_t offset_s)
{
    if (offset_s != 0)
        log_error("the clock of this machine is wrong; dates are compared with it",
                  LOG_INT("aws_is_ahead_by_s", offset_s));
    else
        log_info("the clock of this machine agrees with AWS's again");
}
