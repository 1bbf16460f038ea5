/* A wrong clock spoils every signature, so AWS's own is learnt from its refusals. The offset is
 * for signing, and for the dates of SNS's certificates: rules about contracts go by the local
 * clock. */
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

bool learn_clock(struct aws *aws, int64_t signed_offset_s, struct str code, struct str date_header)
{
    enum { NOTABLE_S = 300 }; /* where the SDKs begin to correct */
    int64_t told_s = clock_of_date(date_header);

    if (!speaks_of_time(code) || told_s == 0)
        return false;
    int64_t offset_s = told_s - clock_wall_s();
    if (llabs(offset_s - signed_offset_s) < NOTABLE_S)
        return false;
    aws->clock_offset_s = offset_s;
    return true;
}
