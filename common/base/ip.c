#include "common/base/ip.h"

#include <arpa/inet.h>
#include <string.h>

enum { IP_BITS = 128, V4_BITS = 32 };

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct ip ip_of_v4(const void *bytes)
{
    struct ip ip;

    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(ip.bytes + sizeof(v4_prefix), bytes, sizeof(ip.bytes) - sizeof(v4_prefix));
    return ip;
}

bool ip_parse(struct str text, struct ip *ret)
{
    char terminated[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(terminated) || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET6, terminated, ret->bytes) == 1)
        return true;
    struct in_addr v4;
    if (inet_pton(AF_INET, terminated, &v4) != 1)
        return false;
    *ret = ip_of_v4(&v4);
    return true;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool ip_network_parse(struct str text, struct ip_network *ret)
{
    struct str rest = text;
    struct str address = str_split(&rest, '/');
    bool has_prefix = address.len < text.len;
    int64_t bits;

    if (!ip_parse(address, &ret->base))
        return false;
    bool v4 = !memchr(address.ptr, ':', address.len);
    ret->prefix_bits = IP_BITS;
    if (!has_prefix)
        return true;
    if (!str_to_i64(rest, &bits) || bits < 0 || bits > (v4 ? V4_BITS : IP_BITS))
        return false;
    ret->prefix_bits = (unsigned)bits + (v4 ? IP_BITS - V4_BITS : 0);
    return true;
}

struct ip ip_base(const struct ip *ip, unsigned prefix_bits)
{
    struct ip base = {{0}};
    unsigned whole = prefix_bits / 8, rest = prefix_bits % 8;

    memcpy(base.bytes, ip->bytes, whole);
    if (rest > 0)
        base.bytes[whole] = ip->bytes[whole] & (unsigned char)(0xff << (8 - rest));
    return base;
}

struct ip ip_of_customer(const struct ip *ip)
{
    enum { V6_CUSTOMER_BITS = 64 };

    return ip_is_v4(ip) ? *ip : ip_base(ip, V6_CUSTOMER_BITS);
}

bool ip_is_in(const struct ip *ip, const struct ip_network *network)
{
    struct ip a = ip_base(ip, network->prefix_bits);
    struct ip b = ip_base(&network->base, network->prefix_bits);

    return memcmp(&a, &b, sizeof(a)) == 0;
}
