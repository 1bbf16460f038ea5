/* Addresses and networks, in all the spellings they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/ip.h"

static bool is_in(const char *address, const char *network)
{
    struct ip ip;
    struct ip_network parsed;

    assert_true(ip_parse(str_of(address), &ip));
    assert_true(ip_network_parse(str_of(network), &parsed));
    return ip_is_in(&ip, &parsed);
}

static void networks_hold_their_addresses(void **state)
{
    (void)state;
    assert_true(is_in("127.0.0.1", "127.0.0.1"));
    assert_false(is_in("127.0.0.2", "127.0.0.1"));
    assert_true(is_in("10.1.2.3", "10.0.0.0/8"));
    assert_false(is_in("11.1.2.3", "10.0.0.0/8"));
    assert_true(is_in("192.0.2.129", "192.0.2.130/25"));
    assert_false(is_in("192.0.2.127", "192.0.2.130/25"));
    assert_true(is_in("198.51.100.7", "0.0.0.0/0"));
    assert_false(is_in("2001:db8::1", "0.0.0.0/0"));
    assert_true(is_in("2001:db8::1", "::/0"));
    assert_true(is_in("2001:db8:0:1::9", "2001:db8::/32"));
    assert_false(is_in("2001:db9::9", "2001:db8::/32"));
}

static void a_host_is_the_same_in_both_spellings(void **state)
{
    (void)state;
    struct ip ip;

    assert_true(is_in("::ffff:10.0.0.1", "10.0.0.0/8"));
    assert_true(is_in("10.0.0.1", "::ffff:10.0.0.1"));
    assert_true(ip_parse(STR("::ffff:10.0.0.1"), &ip));
    assert_true(ip_is_v4(&ip));
    assert_true(ip_parse(STR("::1"), &ip));
    assert_false(ip_is_v4(&ip));
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "localhost",
        "10.0.0",     "10.0.0.1:80",
        "[::1]",      "fe80::1%eth0",
        "unknown",    " 10.0.0.1",
        "10.0.0.256", "10.0.0.1 ",
        "::1::",      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    static const char *const networks[] = {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
                                           "::/129",      "/8",          "10.0.0.0/8/8"};
    struct ip ip;
    struct ip_network network;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(ip_parse(str_of(texts[i]), &ip));
        assert_false(ip_network_parse(str_of(texts[i]), &network));
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
        assert_false(ip_network_parse(str_of(networks[i]), &network));
    assert_false(ip_parse(str_from("10.0.0.1\0", 9), &ip));
}

static void addresses_have_a_network(void **state)
{
    (void)state;
    struct ip a, b;

    assert_true(ip_parse(STR("2001:db8:1:2:3:4:5:6"), &a));
    assert_true(ip_parse(STR("2001:db8:1:2::"), &b));
    a = ip_base(&a, 64);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(ip_parse(STR("2001:db8:1:ff::"), &a));
    assert_true(ip_parse(STR("2001:db8:1:f0::"), &b));
    a = ip_base(&a, 60);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_customer_has_an_address_or_a_network(void **state)
{
    (void)state;
    struct ip a, b;

    assert_true(ip_parse(STR("2001:db8:1:2:3:4:5:6"), &a));
    assert_true(ip_parse(STR("2001:db8:1:2::"), &b));
    a = ip_of_customer(&a);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(ip_parse(STR("192.0.2.1"), &a));
    b = ip_of_customer(&a);
    assert_memory_equal(&a, &b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(a_host_is_the_same_in_both_spellings),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(addresses_have_a_network),
        cmocka_unit_test(a_customer_has_an_address_or_a_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
