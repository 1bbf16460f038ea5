#include "proto/endpoint/curve.h"

#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"

static const char *first_tcp(const struct config_list *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (endpoint_is_tcp(addresses->items[i]))
            return addresses->items[i];
    }
    return NULL;
}

static int load_own(struct endpoint_context *context, const char *certificate, const char *address,
                    struct error *error)
{
    struct curve_keys keys;

    if (*endpoint_context_public_key(context))
        return 0;
    if (certificate_load_secret(certificate, &keys, error) < 0)
        return error_prefix(error,
                            "'%s' needs a CURVE certificate of our own (\"entitlectl keys make\" "
                            "makes one)",
                            address);
    int err = endpoint_context_set_keys(context, &keys);
    explicit_bzero(&keys, sizeof(keys));
    return err < 0 ? error_set(error, "the keys of '%s' are no pair", certificate) : 0;
}

int curve_before_bind(struct admission **admission, const struct config_list *addresses,
                      const char *certificate, const struct admission_options *options,
                      struct error *error)
{
    const char *address = first_tcp(addresses);

    if (!address || *admission)
        return 0;
    if (load_own(options->context, certificate, address, error) < 0)
        return -1;
    if (admission_open(admission, options, error) < 0)
        return error_prefix(error,
                            "'%s' needs a directory with the certificates (\"entitlectl keys "
                            "make\" makes them) of those who may connect",
                            address);
    return 0;
}

static int expect(struct endpoint_context *context, const char *address, const char *certificate,
                  struct error *error)
{
    struct curve_keys keys;

    if (certificate_load(certificate, &keys, NULL, error) < 0)
        return error_prefix(error,
                            "'%s' needs the public certificate of who answers there (copy the "
                            ".cert from that host)",
                            address);
    endpoint_context_expect(context, address, keys.public_key);
    return 0;
}

int curve_before_connect(struct endpoint_context *context, const struct config_list *addresses,
                         const char *certificate, const struct config_list *servers,
                         struct error *error)
{
    size_t next = 0;

    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->items[i];
        if (!endpoint_is_tcp(address))
            continue;
        if (load_own(context, certificate, address, error) < 0)
            return -1;
        if (next >= servers->count)
            return error_set(error, "'%s' needs the certificate of who answers there", address);
        if (expect(context, address, servers->items[next], error) < 0)
            return -1;
        if (servers->count > 1)
            next++;
    }
    return 0;
}
