/* AWS refuses a call: what it says, and whose fault that may be. */
#include <string.h>

#include "common/aws/internal.h"

static struct str copy_header(struct aws_call *call, const struct http_response *answer,
                              const char *name)
{
    return arena_str(&call->arena, http_response_header(answer, name));
}

/* Code and message, from JSON or (STS) XML; empty if there are none. */
static void read_words(struct aws_call *call, const struct http_response *answer,
                       struct aws_response *response)
{
    struct xml_text texts[] = {{"Code", STR_NONE}, {"Message", STR_NONE}};

    if (!services[call->service].target_prefix) {
        xml_find(&call->arena, answer->body, texts, 2, NULL);
        response->code = texts[0].text;
        response->message = texts[1].text;
        return;
    }
    json_parse(&call->json, answer->body, NULL);
    response->body = call->json;
    response->code = aws_error_code(copy_header(call, answer, "x-amzn-errortype"), call->json);
    response->message = json_get_str(call->json, "message");
    if (str_is_empty(response->message))
        response->message = json_get_str(call->json, "Message");
}

static enum aws_outcome outcome_of(const struct aws_response *response)
{
    if (aws_code_is_throttling(response->code) || response->http_status == 429)
        return AWS_THROTTLED;
    if (aws_code_is_credentials(response->code, response->message))
        return AWS_CREDENTIALS;
    return str_is_empty(response->code) && response->http_status >= 500 ? AWS_UNREACHABLE
                                                                        : AWS_ERROR;
}

/* Below its sentence about a signature AWS writes what should have been signed, and our session
 * token is in that. */
static struct str first_line(struct str text)
{
    text = str_trim(text);
    return str_trim(str_split(&text, '\n'));
}

void refusal_read(struct aws_call *call, const struct http_response *answer,
                  struct aws_response *response)
{
    response->http_status = answer->status;
    response->request_id = copy_header(call, answer, "x-amzn-RequestId");
    read_words(call, answer, response);
    response->message = first_line(response->message);
    response->outcome = outcome_of(response);
    response->retryable = aws_code_is_retryable(response->code, answer->status);
    if (str_is_empty(response->message))
        response->message = arena_printf(&call->arena, "HTTP status %d", answer->status);
}

/* AWS's front door and ResolveCustomer share this code: one means our session, the other the
 * buyer's registration token ("Common Error Types"; ResolveCustomer API reference). */
static bool may_mean_our_session(const struct aws_call *call, const struct aws_response *response)
{
    const struct aws *aws = call->aws;
    struct str message = response->message;
    static const char token[] = "registration token";

    if (!str_eq_text(response->code, "ExpiredTokenException") ||
        !aws->credentials.keys.session_token)
        return false;
    return !credentials_fresh(aws) || !memmem(message.ptr, message.len, token, sizeof(token) - 1);
}

bool refusal_concerns_keys(const struct aws_call *call, const struct aws_response *response)
{
    return !call->own_keys && !call->credentials_refreshed &&
           (response->outcome == AWS_CREDENTIALS || may_mean_our_session(call, response));
}
