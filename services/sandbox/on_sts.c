/* The security token service, as far as a seller's software needs it (AWS STS API reference). The
 * form's fields arrive as a JSON object of strings, the answer's members leave as XML (door.c). */
#include "services/sandbox/sandbox.h"

static bool get_caller_identity(struct call *call)
{
    struct json *body = json_new_object();
    struct str arn = call->caller.arn;

    if (str_is_empty(arn))
        arn = arena_printf(&call->arena, "arn:aws:iam::" STR_FMT ":root",
                           STR_ARG(call->caller.account));
    json_set_str(body, "Arn", arn);
    json_set_str(body, "UserId", STR("AIDAFIXTUREEXAMPLE01"));
    json_set_str(body, "Account", call->caller.account);
    return answer_ok(&call->answer, body);
}

const struct operation sts_operations[] = {
    {SERVICE_STS, "GetCallerIdentity", get_caller_identity, false},
    {0},
};
