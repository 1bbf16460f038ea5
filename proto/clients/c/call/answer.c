#include "proto/clients/c/call/answer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"

#define SAME(reason) _Static_assert((int)ENTITLED_REASON_##reason == (int)REASON_##reason, #reason)
SAME(ENTITLED);
SAME(GRACE);
SAME(HELD);
SAME(OVERRIDE);
SAME(INSUFFICIENT_QUANTITY);
SAME(UNVERIFIED);
SAME(EXPIRED);
SAME(PENDING);
SAME(NOT_ENTITLED);
SAME(ENDED);
SAME(NOT_SUBSCRIBED);
SAME(BAD_DATA);
_Static_assert((int)reason_count == (int)ENTITLED_REASON_BAD_DATA + 1, "reasons");
_Static_assert((int)VALUE_INTEGER == (int)ENTITLED_INTEGER, "kinds");
_Static_assert((int)VALUE_DOUBLE == (int)ENTITLED_DOUBLE, "kinds");
_Static_assert((int)VALUE_BOOLEAN == (int)ENTITLED_BOOLEAN, "kinds");
_Static_assert((int)VALUE_STRING == (int)ENTITLED_STRING, "kinds");

struct entitled_answer *entitled_answer_new(void)
{
    struct entitled_answer *answer = calloc(1, sizeof(*answer));

    if (answer)
        answer_clear(answer);
    return answer;
}

void entitled_answer_free(struct entitled_answer *answer)
{
    if (!answer)
        return;
    buf_done(&answer->granted_string);
    buf_done(&answer->subscribe_url);
    free(answer);
}

void answer_clear(struct entitled_answer *answer)
{
    answer->error.code = ENTITLED_INTERNAL; /* until it is filled or failed */
    answer->error.sentence[0] = '\0';
    answer->allow = answer->stale = false;
    answer->reason = ENTITLED_REASON_OTHER;
    answer->granted = (struct value){.kind = VALUE_NONE};
    answer->expires_at = answer->verified_at = answer->combined = 0;
    answer->age_ms = AGE_UNKNOWN;
    answer->subscription[0] = '\0';
    buf_clear(&answer->granted_string);
    buf_clear(&answer->subscribe_url);
}

static void copy_text(char *to, size_t size, struct str text)
{
    size_t len = text.len < size ? text.len : size - 1;

    if (len > 0)
        memcpy(to, text.ptr, len);
    to[len] = '\0';
}

int answer_fill(struct entitled_answer *answer, const struct answer *from, int64_t age_ms)
{
    answer_clear(answer);
    if (from->error.len > 0) {
        enum rpc_error code = rpc_error_of(from->error);
        return failure_set(&answer->error, failure_code(code == ERROR_NONE ? ERROR_INTERNAL : code),
                           STR_FMT, STR_ARG(from->message));
    }
    answer->allow = from->allow;
    answer->stale = from->stale;
    answer->reason = (int)from->reason;
    answer->granted = from->granted;
    if (from->granted.kind == VALUE_STRING)
        buf_append_str(&answer->granted_string, from->granted.string);
    answer->expires_at = from->expires_at;
    answer->verified_at = from->verified_at;
    answer->combined = from->combined;
    answer->age_ms = age_ms;
    copy_text(answer->subscription, sizeof(answer->subscription), from->subscription);
    if (from->subscribe_url.len > 0)
        buf_append_str(&answer->subscribe_url, from->subscribe_url);
    failure_none(&answer->error);
    return ENTITLED_OK;
}

int answer_fail(struct entitled_answer *answer, const struct entitled_error *error)
{
    answer_clear(answer);
    answer->error = *error;
    return error->code;
}

int entitled_answer_code(const struct entitled_answer *answer)
{
    return answer->error.code;
}

const char *entitled_answer_sentence(const struct entitled_answer *answer)
{
    return answer->error.sentence;
}

bool entitled_answer_allow(const struct entitled_answer *answer)
{
    return answer->allow;
}

int entitled_answer_reason(const struct entitled_answer *answer)
{
    return answer->reason;
}

const char *entitled_answer_reason_name(const struct entitled_answer *answer)
{
    return answer->reason > 0 ? choice_text(&enumeration_reason, answer->reason) : "other";
}

int entitled_answer_granted_kind(const struct entitled_answer *answer)
{
    return (int)answer->granted.kind;
}

int64_t entitled_answer_granted_integer(const struct entitled_answer *answer)
{
    return answer->granted.kind == VALUE_INTEGER ? answer->granted.integer : 0;
}

double entitled_answer_granted_double(const struct entitled_answer *answer)
{
    return answer->granted.kind == VALUE_DOUBLE ? answer->granted.number : 0;
}

bool entitled_answer_granted_boolean(const struct entitled_answer *answer)
{
    return answer->granted.kind == VALUE_BOOLEAN && answer->granted.boolean;
}

static const char *text_of(const struct buf *buf)
{
    return buf->len > 0 ? buf->data : "";
}

const char *entitled_answer_granted_string(const struct entitled_answer *answer)
{
    return text_of(&answer->granted_string);
}

int64_t entitled_answer_expires_at(const struct entitled_answer *answer)
{
    return answer->expires_at;
}

int64_t entitled_answer_verified_at(const struct entitled_answer *answer)
{
    return answer->verified_at;
}

bool entitled_answer_stale(const struct entitled_answer *answer)
{
    return answer->stale;
}

const char *entitled_answer_subscription(const struct entitled_answer *answer)
{
    return answer->subscription;
}

int64_t entitled_answer_combined(const struct entitled_answer *answer)
{
    return answer->combined;
}

const char *entitled_answer_subscribe_url(const struct entitled_answer *answer)
{
    return text_of(&answer->subscribe_url);
}

int64_t entitled_answer_age_ms(const struct entitled_answer *answer)
{
    return answer->age_ms;
}
