/* The parts of a URL that decide who may read the requests. Stricter than libcurl's parser: what
 * this one lets pass, that one reads the same way. */
#ifndef COMMON_AWS_ENVIRONMENT_URL_H
#define COMMON_AWS_ENVIRONMENT_URL_H

#include "common/base/error.h"
#include "common/base/str.h"

struct url_parts {
    bool plain; /* http */
    struct str host;
};

/* Refuses what is neither http nor https, and a user or password. */
int url_split(const char *url, struct url_parts *ret, struct error *error);
bool url_is_loopback(struct str host);
/* https, or http to this very machine. */
int url_check_endpoint(const char *url, struct error *error);

#endif
