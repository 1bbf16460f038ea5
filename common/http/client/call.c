/* One request: what libcurl is told about it, and what became of it. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/http/client/internal.h"

enum { CONNECT_TIMEOUT_MS = 10000, HEADER_LIMIT = 65536 };

static void set_long(struct http_call *call, CURLoption option, long value)
{
    if (curl_easy_setopt(call->easy, option, value) != CURLE_OK)
        error_set(&call->refused, "libcurl does not know option %d", (int)option);
}

/* The text is copied by libcurl. */
static void set_text(struct http_call *call, CURLoption option, const char *value)
{
    if (curl_easy_setopt(call->easy, option, value) != CURLE_OK)
        error_set(&call->refused, "libcurl does not take option %d", (int)option);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;

    if (len > call->response_limit - call->body.len) {
        call->too_long = true;
        return 0;
    }
    buf_append(&call->body, data, len);
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    (void)data;

    call->header_bytes += len;
    return call->header_bytes > HEADER_LIMIT ? 0 : len;
}

static bool breaks_lines(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
            return true;
    }
    return false;
}

static void add_header(struct http_call *call, struct str name, struct str value)
{
    /* libcurl takes "Name:" for "leave it out" and "Name;" for an empty one. */
    struct str line = arena_printf(&call->arena, value.len ? STR_FMT ": " STR_FMT : STR_FMT ";",
                                   STR_ARG(name), STR_ARG(value));

    if (breaks_lines(name) || breaks_lines(value)) {
        error_set(&call->refused, "the header '" STR_FMT "' would hold a line break",
                  STR_ARG(name));
        return;
    }
    struct curl_slist *longer = curl_slist_append(call->headers, line.ptr);
    if (!longer)
        mem_exhausted();
    call->headers = longer;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, str_of(name)))
            return true;
    }
    return false;
}

static void sign(struct http_call *call, const struct http_request *request)
{
    const struct http_signing *signing = &request->signing;
    struct str scope = arena_printf(&call->arena, "aws:amz:" STR_FMT ":" STR_FMT,
                                    STR_ARG(signing->region), STR_ARG(signing->service));

    set_text(call, CURLOPT_AWS_SIGV4, scope.ptr);
    set_text(call, CURLOPT_USERNAME, arena_str(&call->arena, signing->access_key).ptr);
    set_text(call, CURLOPT_PASSWORD, arena_str(&call->arena, signing->secret_key).ptr);
    if (signing->session_token.len > 0)
        add_header(call, STR("X-Amz-Security-Token"), signing->session_token);
}

static void set_headers(struct http_call *call, const struct http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        add_header(call, request->headers[i].name, request->headers[i].value);
    if (request->signing.access_key.len > 0)
        sign(call, request);
    /* libcurl would call any body a form. */
    else if (!has_header(request, "Content-Type") && !call->refused.text[0])
        call->headers = curl_slist_append(call->headers, "Content-Type:");
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_method(struct http_call *call, const struct http_request *request)
{
    if (strcmp(request->method, "GET") == 0) {
        set_long(call, CURLOPT_HTTPGET, 1);
        return;
    }
    struct str body = arena_str(&call->arena, request->body);
    set_long(call, CURLOPT_POST, 1);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body.ptr);
    if (strcmp(request->method, "POST") != 0)
        set_text(call, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Loopback, and the link-local addresses where AWS serves credentials (IPv4 169.254/16, IPv6
 * fe80::/10 and AWS's fd00:ec2::): a proxy could not reach them, or would learn secrets. */
static bool is_nearby(const char *host)
{
    static const char *const prefixes[] = {"127.", "169.254.", "[::1]", "[fe80:", "[fd00:ec2:"};

    if (str_eq_nocase(str_of(host), STR("localhost")))
        return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncasecmp(host, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* libcurl reads every variable of proxies in both cases but this one, which a web server would set
 * for a CGI program from a header of the request (CVE-2016-5385). Nothing here is one. */
static void set_plain_proxy(struct http_call *call)
{
    const char *lower = getenv("http_proxy"), *upper = getenv("HTTP_PROXY");

    if ((!lower || !lower[0]) && upper && upper[0])
        set_text(call, CURLOPT_PROXY, upper);
}

static void set_url(struct http_call *call, struct str url, bool direct)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    struct str text = arena_str(&call->arena, url);

    if (!parts)
        mem_exhausted();
    if (curl_url_set(parts, CURLUPART_URL, text.ptr, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        error_set(&call->refused, "'%s' is not a URL", text.ptr);
    else if (direct || is_nearby(host))
        set_text(call, CURLOPT_PROXY, "");
    else if (str_starts_with(url, STR("http:")))
        set_plain_proxy(call);
    curl_free(host);
    curl_url_cleanup(parts);
    set_text(call, CURLOPT_URL, text.ptr);
}

static void set_bounds(struct http_call *call, const struct http_request *request)
{
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : 1;

    set_long(call, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    set_long(call, CURLOPT_CONNECTTIMEOUT_MS,
             (long)(timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
    set_long(call, CURLOPT_NOSIGNAL, 1);
    /* Else the end of a request waits for its look-up, as long as a name server does not answer. */
    set_long(call, CURLOPT_QUICK_EXIT, 1);
    set_long(call, CURLOPT_TCP_KEEPALIVE, 1);
    set_text(call, CURLOPT_PROTOCOLS_STR, "http,https");
    set_long(call, CURLOPT_FOLLOWLOCATION, 0);
    set_long(call, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(call, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (call->client->ca_bundle)
        set_text(call, CURLOPT_CAINFO, call->client->ca_bundle);
}

struct http_call *call_new(struct http_client *client, const struct http_request *request)
{
    struct http_call *call = mem_alloc_zero(sizeof(*call));

    call->client = client;
    call->response_limit = request->response_limit;
    call->easy = curl_easy_init();
    if (!call->easy)
        mem_exhausted();
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->why);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    set_text(call, CURLOPT_USERAGENT, "entitled");
    set_bounds(call, request);
    set_url(call, request->url, request->direct);
    set_method(call, request);
    set_headers(call, request);
    return call;
}

void call_free(struct http_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    loop_cancel(call->refusal_timer);
    /* A handle that was never added is no error here. */
    curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_done(&call->body);
    arena_done(&call->arena);
    mem_free(call);
}

static void take_headers(struct http_call *call, struct http_response *response)
{
    struct curl_header *at = NULL;
    size_t count = 0;

    while ((at = curl_easy_nextheader(call->easy, CURLH_HEADER, -1, at)))
        count++;
    struct http_header *headers = arena_alloc_array(&call->arena, count, sizeof(*headers));
    for (size_t i = 0; i < count; i++) {
        at = curl_easy_nextheader(call->easy, CURLH_HEADER, -1, at);
        headers[i].name = arena_str(&call->arena, str_of(at->name));
        headers[i].value = arena_str(&call->arena, str_of(at->value));
    }
    response->headers = headers;
    response->header_count = count;
}

static void explain(const struct http_call *call, CURLcode result, struct error *error)
{
    if (call->refused.text[0])
        *error = call->refused;
    else if (call->header_bytes > HEADER_LIMIT)
        error_set(error, "the headers of the answer are longer than %d bytes", (int)HEADER_LIMIT);
    else if (call->too_long)
        error_set(error, "the answer is longer than %zu bytes", call->response_limit);
    else
        error_set(error, "%s", call->why[0] ? call->why : curl_easy_strerror(result));
}

void call_finish(struct http_call *call, CURLcode result)
{
    struct http_response response = {0};
    long status = 0;

    if (result == CURLE_OK && !call->refused.text[0]) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = (int)status;
        response.body = buf_str(&call->body);
        take_headers(call, &response);
    } else {
        response.timed_out = result == CURLE_OPERATION_TIMEDOUT;
        response.too_long = call->too_long;
        explain(call, result, &response.error);
    }
    call->done(call->arg, &response);
    call_free(call);
}

struct str http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (str_eq_nocase(response->headers[i].name, str_of(name)))
            return response->headers[i].value;
    }
    return STR_NONE;
}
