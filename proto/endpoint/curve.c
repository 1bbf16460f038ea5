#include "proto/endpoint/curve.h"

#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/keys/allow_list.h"
#include "proto/endpoint/socket.h"

int curve_new_keys(struct curve_keys *ret, struct error *error)
{
    if (zmq_curve_keypair(ret->public_key, ret->secret_key) < 0)
        return error_set(error, "cannot make a CURVE key pair: %s", zmq_strerror(zmq_errno()));
    return 0;
}

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
    return err < 0 ? error_set(error, "the keys of '%s' do not belong together", certificate) : 0;
}

static int no_directory(const char *address, struct error *error)
{
    return error_prefix(error,
                        "'%s' needs a directory with the certificates (\"entitlectl keys make\" "
                        "makes them) of the peers that may connect",
                        address);
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
    return admission_open(admission, options, error) < 0 ? no_directory(address, error) : 0;
}

static int expect(struct endpoint_context *context, const char *address, const char *certificate,
                  struct error *error)
{
    struct curve_keys keys;

    if (certificate_load(certificate, &keys, NULL, error) < 0)
        return error_prefix(error,
                            "'%s' needs the public certificate of the process that answers there "
                            "(copy the .cert from that host)",
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
            return error_set(error, "'%s' needs the certificate of the process that answers there",
                             address);
        if (expect(context, address, servers->items[next], error) < 0)
            return -1;
        if (servers->count > 1)
            next++;
    }
    return 0;
}

/* A start only logs it: the keys in the other files must not be kept out by this one. */
static void on_unreadable(void *arg, const char *sentence)
{
    struct error *unreadable = arg;

    error_set(unreadable, "%s", sentence);
}

int curve_check_bind(const struct config_list *addresses, const char *certificate,
                     const char *allowed_keys, struct error *error)
{
    const char *address = first_tcp(addresses);
    struct allow_list *list = NULL;
    struct error unreadable = {""};

    if (!address)
        return 0;
    struct endpoint_context *context = endpoint_context_new();
    int err = load_own(context, certificate, address, error);
    if (err == 0 && allow_list_open(&list, allowed_keys, on_unreadable, &unreadable, error) < 0)
        err = no_directory(address, error);
    else if (err == 0 && *unreadable.text)
        err = error_set(error, "among the peers that may connect, %s", unreadable.text);
    allow_list_free(list);
    endpoint_context_free(context);
    return err;
}

int curve_check_connect(const struct config_list *addresses, const char *certificate,
                        const struct config_list *servers, struct error *error)
{
    struct endpoint_context *context = endpoint_context_new();
    int err = curve_before_connect(context, addresses, certificate, servers, error);

    endpoint_context_free(context);
    return err;
}
