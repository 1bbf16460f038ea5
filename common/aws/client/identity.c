/* GetCallerIdentity (AWS STS API reference): whose credentials these are. */
#include "common/aws/client/aws.h"
#include "common/base/arena.h"
#include "common/base/mem.h"
#include "common/xml/xml.h"

struct question {
    aws_identity_fn *done;
    void *arg;
};

static void on_identity(void *arg, const struct aws_response *response)
{
    const struct question *question = arg;
    cleanup(arena_done) struct arena arena = ARENA_INIT;
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
        (xml_find(&arena, response->raw_body, texts, 2, &error) < 0 ||
         str_is_empty(texts[0].text))) {
        failure.message = str_of(error.text);
        question->done(question->arg, &failure, STR_NONE, STR_NONE);
        return;
    }
    question->done(question->arg, response, texts[0].text, texts[1].text);
}

struct aws_call *aws_caller_identity(struct aws *aws, aws_identity_fn *done, void *arg)
{
    struct question *question = mem_alloc(sizeof(*question));
    struct aws_request request = {.service = AWS_STS,
                                  .operation = "GetCallerIdentity",
                                  .body = STR("Action=GetCallerIdentity&Version=2011-06-15"),
                                  .release = mem_free};

    *question = (struct question){done, arg};
    return aws_call(aws, &request, on_identity, question);
}
