#include "common/aws/client/refusal.h"

#include <string.h>

#include "common/aws/client/error_code.h"
#include "common/xml/xml.h"

static struct str copy_header(struct arena *arena, const struct http_response *answer,
                              const char *name)
{
    return arena_str(arena, http_response_header(answer, name));
}

static void read_xml(const struct http_response *answer, struct arena *arena,
                     struct aws_response *ret)
{
    struct xml_text texts[] = {{"Code", STR_NONE}, {"Message", STR_NONE}};

    xml_find(arena, answer->body, texts, 2, NULL);
    ret->code = texts[0].text;
    ret->message = texts[1].text;
}

static void read_json(const struct http_response *answer, struct arena *arena,
                      struct json **ret_body, struct aws_response *ret)
{
    json_parse(ret_body, answer->body, NULL);
    ret->body = *ret_body;
    ret->code = aws_error_code(copy_header(arena, answer, "x-amzn-errortype"), *ret_body);
    ret->message = json_get_str(*ret_body, "message");
    if (str_is_empty(ret->message))
        ret->message = json_get_str(*ret_body, "Message");
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

void refusal_read(const struct http_response *answer, bool is_xml, struct arena *arena,
                  struct json **ret_body, struct aws_response *ret)
{
    *ret_body = NULL;
    ret->http_status = answer->status;
    ret->request_id = copy_header(arena, answer, "x-amzn-RequestId");
    /* Code and message; empty if there are none. */
    if (is_xml)
        read_xml(answer, arena, ret);
    else
        read_json(answer, arena, ret_body, ret);
    ret->message = first_line(ret->message);
    ret->outcome = outcome_of(ret);
    ret->retryable = aws_code_is_retryable(ret->code, answer->status);
    if (str_is_empty(ret->message))
        ret->message = arena_printf(arena, "HTTP status %d", answer->status);
}

/* AWS's front door and ResolveCustomer share this code: one means our session, the other the
 * buyer's registration token ("Common Error Types"; ResolveCustomer API reference). */
static bool may_mean_our_session(const struct aws_response *refusal,
                                 const struct credentials *credentials)
{
    struct str message = refusal->message;
    static const char token[] = "registration token";

    if (!str_eq_text(refusal->code, "ExpiredTokenException") || !credentials->keys.session_token)
        return false;
    return !credentials_fresh(credentials) ||
           !memmem(message.ptr, message.len, token, sizeof(token) - 1);
}

bool refusal_concerns_keys(const struct aws_response *refusal,
                           const struct credentials *credentials)
{
    return refusal->outcome == AWS_CREDENTIALS || may_mean_our_session(refusal, credentials);
}
