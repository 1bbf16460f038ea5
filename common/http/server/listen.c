/* The listening socket and the files of TLS: what can go wrong at start, said in a sentence. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/http/server/internal.h"

static int bind_and_listen(int fd, const struct addrinfo *info)
{
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
        return -1;
    return listen(fd, SOMAXCONN);
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof(address);

    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

struct ip ip_of_address(const struct sockaddr *address)
{
    struct ip ip;

    if (address->sa_family == AF_INET)
        return ip_of_v4(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
           sizeof(ip.bytes));
    return ip;
}

int listen_on(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
              struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *info = NULL;
    char service[8];

    snprintf(service, sizeof(service), "%u", (unsigned)port);
    int failure = getaddrinfo(address, service, &hints, &info);
    if (failure)
        return error_set(error, "'%s' is not an address to listen on: %s", address,
                         gai_strerror(failure));

    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : bind_and_listen(fd, info);
    if (result < 0) {
        error_set(error, "cannot listen on %s port %u: %s", address, (unsigned)port,
                  strerror(errno));
        if (fd >= 0)
            close(fd);
    } else {
        *ret_port = port_of(fd);
        *ret_fd = fd;
    }
    freeaddrinfo(info);
    return result;
}

int read_pem(const char *path, struct buf *out, struct error *error)
{
    enum { PEM_LIMIT = 1 << 20 };

    if (file_read_waiting(path, PEM_LIMIT, out, error) < 0)
        return -1;
    return out->len > 0 ? 0 : error_set(error, "'%s' holds no usable PEM text", path);
}
