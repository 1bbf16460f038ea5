/* A wrong clock spoils every signature, so AWS's own is learnt from its refusals, and from answers
 * to calls that are not signed and so not refused: what a web identity is given would seem to have
 * expired. The offset is for signing, and for the dates of credentials and of SNS's certificates:
 * rules about contracts go by the local clock. */
#include <stdlib.h>
#include <time.h>

#include "common/aws/internal.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

static bool speaks_of_time(struct str code)
{
    static const char *const codes[] = {
        "RequestTimeTooSkewed",      "RequestExpired",        "RequestInTheFuture",
        "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (str_eq_text(code, codes[i]))
            return true;
    }
    return false;
}

/* The one form that servers send: RFC 9110, 5.6.7, "IMF-fixdate". */
int64_t clock_of_date(struct str date_header)
{
    cleanup(mem_freep) char *text = str_dup(date_header);
    struct tm utc = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &utc);

    return end && *end == '\0' ? (int64_t)timegm(&utc) : 0;
}

bool note_clock(struct aws *aws, int64_t assumed_offset_s, int64_t told_s)
{
    enum { NOTABLE_S = 300 }; /* where the SDKs begin to correct */
    int64_t offset_s = told_s - clock_wall_s();

    if (told_s == 0 || llabs(offset_s - assumed_offset_s) < NOTABLE_S)
        return false;
    /* Another call may have learnt it already. */
    bool is_news = llabs(offset_s - aws->clock_offset_s) >= NOTABLE_S;
    aws->clock_offset_s = llabs(offset_s) < NOTABLE_S ? 0 : offset_s;
    if (is_news && aws->on_clock)
        aws->on_clock(aws->clock_offset_s);
    return true;
}

bool learn_clock(struct aws *aws, int64_t signed_offset_s, struct str code, struct str date_header)
{
    return speaks_of_time(code) && note_clock(aws, signed_offset_s, clock_of_date(date_header));
}
