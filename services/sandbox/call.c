#include "services/sandbox/call.h"

#include "common/aws/arn/arn.h"

#include <stdarg.h>
#include <stdio.h>

bool answer_ok(struct answer *answer, struct json *body)
{
    answer->code = NULL;
    answer->body = body;
    return true;
}

bool answer_error(struct answer *answer, const char *code, const char *format, ...)
{
    va_list args;

    answer_done(answer);
    answer->code = code;
    va_start(args, format);
    vsnprintf(answer->message, sizeof(answer->message), format, args);
    va_end(args);
    return true;
}

void answer_done(struct answer *answer)
{
    json_free(answer->body);
    answer->body = NULL;
}

struct str caller_role_id(struct str session, struct arena *arena)
{
    return arena_printf(arena, "AROAFIXTUREEXAMPLE01:" STR_FMT, STR_ARG(session));
}

struct str caller_user_id(const struct caller *caller, struct arena *arena)
{
    struct arn arn;

    arn_split(caller->arn, &arn);
    struct str rest = arn.resource, kind = str_split(&rest, '/');
    if (str_eq(kind, STR("assumed-role"))) {
        str_split(&rest, '/');
        return caller_role_id(rest, arena);
    }
    return str_eq(kind, STR("user")) ? STR("AIDAFIXTUREEXAMPLE01") : caller->account;
}

const struct operation *operation_find(enum service service, struct str name)
{
    static const struct operation *const tables[SERVICE_COUNT] = {
        [SERVICE_METERING] = metering_operations,
        [SERVICE_ENTITLEMENT] = entitlement_operations,
        [SERVICE_SQS] = sqs_operations,
        [SERVICE_STS] = sts_operations,
    };

    for (const struct operation *row = tables[service]; row->name; row++) {
        if (str_eq_text(name, row->name))
            return row;
    }
    return NULL;
}
