#include "common/aws/client/sign.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/aws/client/sigv4.h"
#include "common/base/clock.h"

enum { MORE_HEADERS = 4, DATE_LEN = 8 };

/* As libcurl sends it: without a scheme's own port. */
static struct str host_of(struct str url, struct str *ret_path)
{
    bool tls = str_starts_with(url, STR("https://"));
    struct str rest = str_from(url.ptr + (tls ? 8 : 7), url.len - (tls ? 8 : 7));
    const char *slash = memchr(rest.ptr, '/', rest.len);
    struct str host = slash ? str_from(rest.ptr, (size_t)(slash - rest.ptr)) : rest;
    struct str port = tls ? STR(":443") : STR(":80");

    *ret_path = slash ? str_from(slash, rest.len - host.len) : STR("/");
    if (host.len > port.len && str_eq(str_from(host.ptr + host.len - port.len, port.len), port))
        host.len -= port.len;
    return host;
}

static struct str amz_date(struct arena *arena, int64_t offset_s)
{
    time_t now = (time_t)(clock_wall_s() + offset_s);
    char text[32];
    struct tm utc;

    gmtime_r(&now, &utc);
    return arena_str(arena, str_from(text, strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc)));
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(((const struct sigv4_header *)a)->name,
                       ((const struct sigv4_header *)b)->name);
}

/* All of them in the canonical form, and their names as the Authorization header lists them. */
static struct sigv4_header *canonical(struct arena *arena, const struct http_header *headers,
                                      size_t count, struct buf *names)
{
    struct sigv4_header *list = arena_alloc_array(arena, count, sizeof(*list));

    for (size_t i = 0; i < count; i++) {
        struct str name = arena_str(arena, headers[i].name);
        for (size_t j = 0; j < name.len; j++) {
            if (name.ptr[j] >= 'A' && name.ptr[j] <= 'Z')
                ((char *)name.ptr)[j] += 'a' - 'A';
        }
        list[i] = (struct sigv4_header){name, headers[i].value};
    }
    qsort(list, count, sizeof(*list), compare_names);
    for (size_t i = 0; i < count; i++)
        buf_printf(names, "%s" STR_FMT, i > 0 ? ";" : "", STR_ARG(list[i].name));
    return list;
}

static struct str authorization(struct arena *arena, const struct http_request *request,
                                struct str path, struct str date)
{
    const struct http_signing *signing = &request->signing;
    struct buf names = BUF_INIT, text = BUF_INIT, to_sign = BUF_INIT, signature = BUF_INIT;
    struct sigv4_header *headers =
        canonical(arena, request->headers, request->header_count, &names);
    struct str day = str_from(date.ptr, DATE_LEN);
    struct str scope =
        arena_printf(arena, STR_FMT "/" STR_FMT "/" STR_FMT "/aws4_request", STR_ARG(day),
                     STR_ARG(signing->region), STR_ARG(signing->service));

    sigv4_canonical_request(&text, str_of(request->method), path, STR_NONE, headers,
                            request->header_count, request->body);
    sigv4_string_to_sign(&to_sign, date, scope, buf_str(&text));
    sigv4_signature(&signature, signing->secret_key, day, signing->region, signing->service,
                    buf_str(&to_sign));
    struct str value = arena_printf(
        arena,
        "AWS4-HMAC-SHA256 Credential=" STR_FMT "/" STR_FMT ", SignedHeaders=%s, Signature=%s",
        STR_ARG(signing->access_key), STR_ARG(scope), names.data, signature.data);
    buf_done(&names);
    buf_done(&text);
    buf_done(&to_sign);
    buf_done(&signature);
    return value;
}

void sign_with_offset(struct http_request *request, int64_t offset_s, struct arena *arena)
{
    struct http_header *headers =
        arena_alloc_array(arena, request->header_count + MORE_HEADERS, sizeof(*headers));
    struct str date = amz_date(arena, offset_s), path;
    struct str host = host_of(request->url, &path);

    memcpy(headers, request->headers, request->header_count * sizeof(*headers));
    request->headers = headers;
    headers[request->header_count++] = (struct http_header){STR("Host"), host};
    headers[request->header_count++] = (struct http_header){STR("X-Amz-Date"), date};
    if (request->signing.session_token.len > 0)
        headers[request->header_count++] =
            (struct http_header){STR("X-Amz-Security-Token"), request->signing.session_token};
    struct str proof = authorization(arena, request, path, date);
    headers[request->header_count++] = (struct http_header){STR("Authorization"), proof};
    request->signing = (struct http_signing){0};
}
