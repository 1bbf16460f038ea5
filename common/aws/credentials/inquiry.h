/* One question to a service of the machine itself (container credentials, instance metadata), never
 * through a proxy; asked again if there is no answer. */
#ifndef COMMON_AWS_CREDENTIALS_INQUIRY_H
#define COMMON_AWS_CREDENTIALS_INQUIRY_H

#include "common/http/client/http_client.h"
#include "common/loop/loop.h"

struct inquiry {
    struct loop *loop;
    struct http_client *http;
    const char *method;
    char *url;
    struct http_header *headers;
    size_t header_count;
    int64_t timeout_ms;
    unsigned attempts_left;
    /* status 0: no answer, and body says why. */
    void (*done)(void *arg, int status, struct str body);
    void *arg;
    struct http_call *call;
    struct loop_timer *timer;
};

void inquiry_send(struct inquiry *inquiry);
void inquiry_cancel(struct inquiry *inquiry);

#endif
