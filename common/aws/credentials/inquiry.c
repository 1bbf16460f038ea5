#include "common/aws/credentials/inquiry.h"

#include "common/base/mem.h"

enum { ANSWER_LIMIT = 65536, PAUSE_MS = 200 };

static void send_again(void *arg)
{
    struct inquiry *inquiry = arg;

    inquiry->timer = NULL;
    inquiry_send(inquiry);
}

static void on_answer(void *arg, const struct http_response *answer)
{
    struct inquiry *inquiry = arg;
    bool failed = answer->status == 0 || answer->status >= 500;

    inquiry->call = NULL;
    if (failed && inquiry->attempts_left > 0) {
        inquiry->timer = loop_after(inquiry->loop, PAUSE_MS, send_again, inquiry);
        return;
    }
    inquiry->done(inquiry->arg, answer->status,
                  answer->status ? answer->body : str_of(answer->error.text));
}

void inquiry_send(struct inquiry *inquiry)
{
    struct http_request request = {
        .method = inquiry->method,
        .url = str_of(inquiry->url),
        .headers = inquiry->headers,
        .header_count = inquiry->header_count,
        .direct = true,
        .timeout_ms = inquiry->timeout_ms,
        .response_limit = ANSWER_LIMIT,
    };

    if (inquiry->attempts_left > 0)
        inquiry->attempts_left--;
    inquiry->call = http_client_send(inquiry->http, &request, on_answer, inquiry);
}

void inquiry_cancel(struct inquiry *inquiry)
{
    http_call_cancel(take(inquiry->call));
    loop_cancel(take(inquiry->timer));
}
