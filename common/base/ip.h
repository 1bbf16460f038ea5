/* IP addresses and networks, as texts write them. IPv4 is kept as IPv6 does (RFC 4291, section
 * 2.5.5.2), so that one host has one address however it is spelt. */
#ifndef COMMON_BASE_IP_H
#define COMMON_BASE_IP_H

#include <stdbool.h>

#include "common/base/str.h"

struct ip {
    unsigned char bytes[16];
};

struct ip_network {
    struct ip base;
    unsigned prefix_bits; /* of 128 */
};

/* "192.0.2.1", "2001:db8::1"; no port, no zone. */
bool ip_parse(struct str text, struct ip *ret);
struct ip ip_of_v4(const void *bytes); /* four, as on the wire */
/* An address, or one with a prefix length: "10.0.0.0/8", "2001:db8::/32". Bits behind the prefix
 * are ignored. */
bool ip_network_parse(struct str text, struct ip_network *ret);
bool ip_is_in(const struct ip *ip, const struct ip_network *network);
bool ip_is_v4(const struct ip *ip);
/* What one customer of a network has: an IPv4 address, or a /64 of IPv6. */
struct ip ip_of_customer(const struct ip *ip);
/* The network of that many bits that the address is in. */
struct ip ip_base(const struct ip *ip, unsigned prefix_bits);

#endif
