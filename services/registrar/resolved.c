#include "services/registrar/resolved.h"

enum { TEXT_LIMIT = 255, ARN_LIMIT = 1200 };

static int read_text(const struct json *body, const char *name, size_t limit, struct arena *arena,
                     struct str *ret, struct error *error)
{
    struct str text = json_get_str(body, name);

    if (text.len > limit)
        return error_set(error, "%s is longer than %zu bytes", name, limit);
    *ret = arena_str(arena, text);
    return 0;
}

int resolved_read(const struct json *body, struct arena *arena, struct resolved *ret,
                  struct error *error)
{
    struct resolved found = {0};

    if (read_text(body, "ProductCode", TEXT_LIMIT, arena, &found.product_code, error) != 0 ||
        read_text(body, "CustomerAWSAccountId", TEXT_LIMIT, arena, &found.account_id, error) != 0 ||
        read_text(body, "CustomerIdentifier", TEXT_LIMIT, arena, &found.customer_identifier,
                  error) != 0 ||
        read_text(body, "LicenseArn", ARN_LIMIT, arena, &found.license_arn, error) != 0)
        return -1;
    if (found.product_code.len == 0)
        return error_set(error, "ProductCode is missing");
    if (found.account_id.len == 0 && found.customer_identifier.len == 0 &&
        found.license_arn.len == 0)
        return error_set(error, "it names no account, customer or licence");
    *ret = found;
    return 0;
}

/* ExpiredTokenException means the buyer's registration token here, and our own session token in the
 * table of errors that all services share; common/aws has told them apart. */
enum page resolved_failure_page(const struct aws_response *response)
{
    switch (response->outcome) {
    case AWS_THROTTLED:
    case AWS_UNREACHABLE:
        return PAGE_AWS_AWAY;
    case AWS_ERROR:
        if (str_eq(response->code, STR("InvalidTokenException")))
            return PAGE_TOKEN_UNKNOWN;
        if (str_eq(response->code, STR("ExpiredTokenException")))
            return PAGE_TOKEN_DEAD;
        return response->retryable || response->http_status >= 500 ? PAGE_AWS_AWAY
                                                                   : PAGE_AWS_REFUSED;
    case AWS_CREDENTIALS:
        /* Their source does not answer just now, or they are wrong. */
        return response->retryable ? PAGE_AWS_AWAY : PAGE_AWS_REFUSED;
    case AWS_OK:
        break;
    }
    return PAGE_AWS_REFUSED;
}
