/* A record and the time at which it is looked at. */
#ifndef TESTS_SUPPORT_RECORD_FIXTURE_H
#define TESTS_SUPPORT_RECORD_FIXTURE_H

enum { H = 3600, D = 24 * H, T = 100 * D /* a date in all cases */ };

static struct entitlement seats = {.dimension = STR_INIT("seats"),
                                   .value = {.kind = VALUE_INTEGER, .integer = 10},
                                   .expires_at = T};

#define EMPTY(at)        .empty_at = (at), .listed_at = (at)-H
#define EMPTY_TWICE(at)  EMPTY(at), .empty_again_at = (at) + 60
#define NOTICE(kind, at) .notice = NOTICE_##kind, .notice_at = (at)

#endif
