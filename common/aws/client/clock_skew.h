/* A wrong clock spoils every signature, so AWS's own is learnt from its refusals, and from answers
 * to calls that are not signed and so not refused: what a web identity is given would seem to have
 * expired. The offset is for signing, and for the dates of credentials and of SNS's certificates:
 * rules about contracts go by the local clock. */
#ifndef COMMON_AWS_CLIENT_CLOCK_SKEW_H
#define COMMON_AWS_CLIENT_CLOCK_SKEW_H

#include <stdbool.h>

#include "common/aws/environment/clock.h"
#include "common/base/str.h"

/* Learns AWS's clock from an answer: stated_s (0: it has no time). True if it differs enough from
 * what the call assumed for another attempt. on_change: called if the offset changed; NULL: not
 * reported. */
bool clock_learn(struct aws_clock *clock, int64_t assumed_offset_s, int64_t stated_s,
                 void (*on_change)(int64_t offset_s));
/* True if a wrong clock can explain a refusal with that code. */
bool clock_explains(struct str code);
/* 0: it is no date. */
int64_t clock_of_date(struct str date_header);

#endif
