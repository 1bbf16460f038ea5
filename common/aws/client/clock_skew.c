#include "common/aws/client/clock_skew.h"

#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

bool clock_explains(struct str code)
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

bool clock_learn(struct aws_clock *clock, int64_t assumed_offset_s, int64_t stated_s,
                 void (*on_change)(int64_t offset_s))
{
    enum { NOTABLE_S = 300 }; /* where the SDKs begin to correct */
    int64_t offset_s = stated_s - clock_wall_s();

    if (stated_s == 0 || llabs(offset_s - assumed_offset_s) < NOTABLE_S)
        return false;
    /* Another call may have learnt it already. */
    bool is_notable = llabs(offset_s - clock->offset_s) >= NOTABLE_S;
    clock->offset_s = llabs(offset_s) < NOTABLE_S ? 0 : offset_s;
    if (is_notable && on_change)
        on_change(clock->offset_s);
    return true;
}
