/* Whom a request comes from: its peer, or whom trusted proxies say that they speak for. */
#ifndef SERVICES_REGISTRAR_CALLER_H
#define SERVICES_REGISTRAR_CALLER_H

#include "common/base/arena.h"
#include "common/base/ip.h"
#include "common/config/config.h"

struct caller_rules {
    struct ip_network *proxies;
    size_t proxy_count;
};

/* The list holds addresses and networks; a text that is not an address was refused with the
 * settings. */
void caller_rules_init(struct caller_rules *rules, const struct config_list *proxies,
                       struct arena *arena);
bool caller_is_proxy(const struct caller_rules *rules, const struct ip *ip);

/* forwarded_for: all X-Forwarded-For of the request, joined by commas in their order. Each proxy
 * adds at the end whom it was asked by, so it is read from there, as far as proxies of ours wrote
 * it. False: not known, for a proxy does not say. */
bool caller_find(const struct caller_rules *rules, const struct ip *peer, struct str forwarded_for,
                 struct ip *ret);

#endif
