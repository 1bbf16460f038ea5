/* GetCallerIdentity (AWS STS API reference): whose credentials these are. */
#include "common/aws/internal.h"

struct question {
    struct aws_call *call;
    void (*done)(void *arg, const struct aws_response *response, struct str account,
                 struct str arn);
    void *arg;
};

static void on_identity(void *arg, const struct aws_response *response)
{
    struct question *question = arg;
    struct xml_text texts[] = {{"Account", STR_NONE}, {"Arn", STR_NONE}};
    struct aws_response failure = {.outcome = AWS_UNREACHABLE,
                                   .http_status = response->http_status,
                                   .request_id = response->request_id,
                                   .attempts = response->attempts,
                                   .answered_at_s = response->answered_at_s,
                                   .signed_by = response->signed_by,
                                   .retryable = true};
    struct error error = {"the answer of STS names no account"};

    if (response->outcome == AWS_OK &&
        (xml_find(&question->call->arena, response->raw_body, texts, 2, &error) < 0 ||
         str_is_empty(texts[0].text))) {
        failure.message = str_of(error.text);
        question->done(question->arg, &failure, STR_NONE, STR_NONE);
        return;
    }
    question->done(question->arg, response, texts[0].text, texts[1].text);
}

struct aws_call *aws_caller_identity(struct aws *aws,
                                     void (*done)(void *arg, const struct aws_response *response,
                                                  struct str account, struct str arn),
                                     void *arg)
{
    struct aws_request request = {.service = AWS_STS,
                                  .operation = "GetCallerIdentity",
                                  .body = STR("Action=GetCallerIdentity&Version=2011-06-15")};
    struct aws_call *call = aws_call(aws, &request, on_identity, NULL);
    struct question *question = arena_alloc(&call->arena, sizeof(*question));

    *question = (struct question){call, done, arg};
    call->arg = question;
    return call;
}
