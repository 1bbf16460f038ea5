#ifndef SERVICES_REGISTRAR_ROUTES_H
#define SERVICES_REGISTRAR_ROUTES_H

#include "common/http/server/http_server.h"

/* arg is the struct registrar. */
void on_request(void *arg, struct http_exchange *exchange);
void on_refused(void *arg, struct http_exchange *exchange, int status);
bool is_trusted_proxy(void *arg, const struct ip *peer);

#endif
