#include "services/sandbox/verify.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"

enum { MAX_SIGNED = 64, SKEW_S = 5 * 60, EXPIRED_S = 15 * 60 };

static const char *const signing_names[SERVICE_COUNT] = {
    [SERVICE_METERING] = "aws-marketplace",
    [SERVICE_ENTITLEMENT] = "aws-marketplace",
    [SERVICE_SQS] = "sqs",
    [SERVICE_STS] = "sts",
};

/* What an Authorization header says. */
struct authorization {
    struct str key_id, date, region, service, scope;
    struct str signed_headers, signature;
};

struct str signed_request_header(const struct signed_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_text(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return STR_NONE;
}

/* The value of "name=" among the comma-separated parts. */
static struct str part_of(struct str text, struct str name)
{
    while (!str_is_empty(text)) {
        struct str part = str_trim(str_split(&text, ','));
        if (str_starts_with(part, name))
            return str_from(part.ptr + name.len, part.len - name.len);
    }
    return STR_NONE;
}

static bool parse_authorization(struct str header, struct authorization *ret)
{
    struct str algorithm = str_split(&header, ' ');
    struct str credential = part_of(header, STR("Credential="));

    ret->key_id = str_split(&credential, '/');
    ret->scope = credential;
    ret->date = str_split(&credential, '/');
    ret->region = str_split(&credential, '/');
    ret->service = str_split(&credential, '/');
    ret->signed_headers = part_of(header, STR("SignedHeaders="));
    ret->signature = part_of(header, STR("Signature="));
    return str_eq(algorithm, STR("AWS4-HMAC-SHA256")) && str_eq(credential, STR("aws4_request")) &&
           !str_is_empty(ret->key_id) && !str_is_empty(ret->signed_headers) &&
           !str_is_empty(ret->signature);
}

static bool is_signed(struct str signed_headers, struct str name)
{
    while (!str_is_empty(signed_headers)) {
        if (str_eq(str_split(&signed_headers, ';'), name))
            return true;
    }
    return false;
}

/* "host" and every x-amz-* header of the request must be signed. */
static struct str find_unsigned(const struct signed_request *request,
                                const struct authorization *authorization)
{
    if (!is_signed(authorization->signed_headers, STR("host")))
        return STR("host");
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        if (str_starts_with(name, STR("x-amz-")) && !is_signed(authorization->signed_headers, name))
            return name;
    }
    return STR_NONE;
}

/* "20261123T120000Z". */
static bool parse_amz_date(struct str text, int64_t *ret_time_s)
{
    char iso[] = "0000-00-00T00:00:00Z";
    static const unsigned char target[] = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18, 19};

    if (text.len != sizeof(target))
        return false;
    for (size_t i = 0; i < sizeof(target); i++)
        iso[target[i]] = text.ptr[i];
    return clock_parse_iso8601(str_of(iso), ret_time_s) == 0;
}

static bool check_time(const struct signed_request *request,
                       const struct authorization *authorization, int64_t now_s,
                       struct answer *answer)
{
    struct str amz_date = signed_request_header(request, "x-amz-date");
    int64_t time_s;

    if (!parse_amz_date(amz_date, &time_s))
        return !answer_error(answer, "IncompleteSignature",
                             "Authorization header requires existence of a valid 'X-Amz-Date'.");
    if (!str_eq(str_from(amz_date.ptr, 8), authorization->date))
        return !answer_error(answer, "InvalidSignatureException",
                             "Date in Credential scope does not match YYYYMMDD from X-Amz-Date.");
    if (now_s - time_s > EXPIRED_S || time_s - now_s > EXPIRED_S)
        return !answer_error(answer, "RequestExpired",
                             "The request is more than 15 minutes away from the server's time.");
    if (now_s - time_s > SKEW_S)
        return !answer_error(answer, "InvalidSignatureException",
                             "Signature expired: " STR_FMT " is now too early.", STR_ARG(amz_date));
    if (time_s - now_s > SKEW_S)
        return !answer_error(answer, "InvalidSignatureException",
                             "Signature not yet current: " STR_FMT " is still later than allowed.",
                             STR_ARG(amz_date));
    return true;
}

static bool check_scope(const struct world *world, enum service service,
                        const struct authorization *authorization, struct answer *answer)
{
    if (!str_eq_text(authorization->service, signing_names[service]))
        return !answer_error(answer, "InvalidSignatureException",
                             "Credential should be scoped to correct service: '%s'.",
                             signing_names[service]);
    if (!str_eq(authorization->region, world->region))
        return !answer_error(answer, "InvalidSignatureException",
                             "Credential should be scoped to a valid region.");
    return true;
}

/* Temporary credentials come with their token, permanent ones without. */
static bool check_key(const struct access_key *key, const struct signed_request *request,
                      int64_t now_s, struct answer *answer)
{
    struct str token = signed_request_header(request, "x-amz-security-token");

    if (!key || !crypto_equal(token, key->session_token))
        return !answer_error(answer, "UnrecognizedClientException",
                             "The security token included in the request is invalid.");
    if (key->expires_at != 0 && key->expires_at <= now_s)
        return !answer_error(answer, "ExpiredTokenException",
                             "The security token included in the request is expired");
    return true;
}

static size_t select_signed(const struct signed_request *request, struct str signed_headers,
                            struct sigv4_header *out)
{
    size_t count = 0;

    while (!str_is_empty(signed_headers) && count < MAX_SIGNED) {
        struct str name = str_split(&signed_headers, ';');
        char text[128];
        snprintf(text, sizeof(text), STR_FMT, STR_ARG(name));
        out[count++] = (struct sigv4_header){name, signed_request_header(request, text)};
    }
    return count;
}

static bool matches(const struct signed_request *request, const struct authorization *authorization,
                    const struct access_key *key)
{
    struct sigv4_header headers[MAX_SIGNED];
    size_t count = select_signed(request, authorization->signed_headers, headers);
    struct buf canonical = BUF_INIT, to_sign = BUF_INIT, signature = BUF_INIT;

    sigv4_canonical_request(&canonical, request->method, request->path, request->query, headers,
                            count, request->body);
    sigv4_string_to_sign(&to_sign, signed_request_header(request, "x-amz-date"),
                         authorization->scope, buf_str(&canonical));
    sigv4_signature(&signature, key->secret, authorization->date, authorization->region,
                    authorization->service, buf_str(&to_sign));
    bool same = crypto_equal(buf_str(&signature), authorization->signature);
    buf_done(&canonical);
    buf_done(&to_sign);
    buf_done(&signature);
    return same;
}

bool verify_signature(const struct world *world, enum service service,
                      const struct signed_request *request, int64_t now_s, struct caller *caller,
                      struct answer *answer)
{
    struct str header = signed_request_header(request, "authorization");
    struct authorization authorization = {0};

    if (str_is_empty(header))
        return !answer_error(answer, "MissingAuthenticationToken", "Missing Authentication Token");
    if (!parse_authorization(header, &authorization))
        return !answer_error(answer, "IncompleteSignature",
                             "The Authorization header is not a Signature Version 4.");
    struct str missing = find_unsigned(request, &authorization);
    if (!str_is_empty(missing))
        return !answer_error(answer, "InvalidSignatureException",
                             "'" STR_FMT "' must be a 'SignedHeader' in the AWS Authorization.",
                             STR_ARG(missing));
    const struct access_key *key = world_key(world, authorization.key_id);
    if (!check_time(request, &authorization, now_s, answer) ||
        !check_scope(world, service, &authorization, answer) ||
        !check_key(key, request, now_s, answer))
        return false;
    if (!matches(request, &authorization, key))
        return !answer_error(answer, "InvalidSignatureException",
                             "The request signature we calculated does not match the signature "
                             "you provided.");
    *caller = (struct caller){key->account, key->arn, key};
    return true;
}
