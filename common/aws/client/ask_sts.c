#include "common/aws/client/ask_sts.h"

#include "common/aws/client/call.h"
#include "common/base/mem.h"

struct sts_question {
    sts_done_fn *done;
    void *arg;
};

static void on_response(void *arg, const struct aws_response *response)
{
    const struct sts_question *question = arg;
    cleanup(buf_done) struct buf failure = BUF_INIT;

    if (response->outcome != AWS_OK)
        buf_printf(&failure, STR_FMT "%s" STR_FMT, STR_ARG(response->code),
                   response->code.len > 0 ? ": " : "", STR_ARG(response->message));
    question->done(question->arg, &(struct sts_answer){buf_str(&failure), response->raw_body});
}

static struct aws_call *ask(void *arg, struct str form, const struct keys *signed_by,
                            sts_done_fn *done, void *done_arg)
{
    enum { DEADLINE_MS = 30000 };
    struct sts_question *question = mem_alloc(sizeof(*question));
    struct aws_request request = {.service = AWS_STS,
                                  .operation = "AssumeRole",
                                  .body = form,
                                  .deadline_ms = DEADLINE_MS,
                                  .release = mem_free};

    *question = (struct sts_question){done, done_arg};
    return aws_call_signed_by(arg, &request, signed_by, on_response, question);
}

struct sts sts_of(struct aws *aws)
{
    return (struct sts){.ask = ask, .cancel = aws_call_cancel, .arg = aws};
}
