#include "services/registrar/caller.h"

#include <string.h>

void caller_rules_init(struct caller_rules *rules, const struct config_list *proxies,
                       struct arena *arena)
{
    rules->proxies = arena_alloc_array(arena, proxies->count, sizeof(rules->proxies[0]));
    rules->proxy_count = 0;
    for (size_t i = 0; i < proxies->count; i++) {
        if (ip_network_parse(str_of(proxies->items[i]), &rules->proxies[rules->proxy_count]))
            rules->proxy_count++;
    }
}

bool caller_is_proxy(const struct caller_rules *rules, const struct ip *ip)
{
    for (size_t i = 0; i < rules->proxy_count; i++) {
        if (ip_is_in(ip, &rules->proxies[i]))
            return true;
    }
    return false;
}

static struct str take_last(struct str *list)
{
    const char *comma = list->len > 0 ? memrchr(list->ptr, ',', list->len) : NULL;
    struct str last = *list;

    if (!comma) {
        *list = STR_NONE;
        return str_trim(last);
    }
    list->len = (size_t)(comma - list->ptr);
    return str_trim(str_from(comma + 1, last.len - list->len - 1));
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1" or "[2001:db8::1]:4711": nobody standardised it. */
static bool parse_hop(struct str text, struct ip *ret)
{
    const char *end;

    if (text.len > 0 && text.ptr[0] == '[') {
        end = memchr(text.ptr, ']', text.len);
        return end && ip_parse(str_from(text.ptr + 1, (size_t)(end - text.ptr) - 1), ret);
    }
    if (ip_parse(text, ret))
        return true;
    end = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    return end && ip_parse(str_from(text.ptr, (size_t)(end - text.ptr)), ret);
}

bool caller_find(const struct caller_rules *rules, const struct ip *peer, struct str forwarded_for,
                 struct ip *ret)
{
    *ret = *peer;
    while (caller_is_proxy(rules, ret)) {
        if (!parse_hop(take_last(&forwarded_for), ret))
            return false;
    }
    return true;
}
