#include "common/aws/client/error_code.h"

#include <string.h>

struct str aws_error_code(struct str errortype_header, const struct json *body)
{
    struct str code = errortype_header;

    if (str_is_empty(code))
        code = json_get_str(body, "__type");
    if (str_is_empty(code))
        code = json_get_str(body, "code");
    /* "aws.protocols#FooError:http://..." is FooError. */
    code = str_split(&code, ':');
    const char *hash = code.len ? memchr(code.ptr, '#', code.len) : NULL;
    if (hash)
        code = str_from(hash + 1, code.len - (size_t)(hash + 1 - code.ptr));
    return str_trim(code);
}

static bool is_one_of(struct str code, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_text(code, list[i]))
            return true;
    }
    return false;
}

#define IS_ONE_OF(code, list) is_one_of((code), (list), sizeof(list) / sizeof((list)[0]))

bool aws_code_is_throttling(struct str code)
{
    static const char *const list[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "EC2ThrottledException",
        "KmsThrottled", /* SQS, for encrypted queues */
    };

    return IS_ONE_OF(code, list);
}

bool aws_code_is_retryable(struct str code, int http_status)
{
    static const char *const list[] = {
        "RequestTimeout",
        "RequestTimeoutException",
        "PriorRequestNotComplete",
        "IDPCommunicationError",
    };

    return http_status == 500 || http_status == 502 || http_status == 503 || http_status == 504 ||
           http_status == 429 || aws_code_is_throttling(code) || IS_ONE_OF(code, list);
}

static bool contains(struct str text, struct str part)
{
    return text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len);
}

bool aws_code_is_credentials(struct str code, struct str message)
{
    static const char *const list[] = {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "AuthFailure",
        "ExpiredToken",
    };

    /* ResolveCustomer uses the same code for the buyer's registration token. */
    if (str_eq_text(code, "ExpiredTokenException"))
        return contains(message, STR("security token"));
    return IS_ONE_OF(code, list);
}
