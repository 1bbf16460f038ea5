/* Binding: sockets in the file system with their locks and modes, and TCP. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/daemon/lock.h"
#include "proto/endpoint/admission.h"
#include "proto/endpoint/socket.h"

struct bound_path {
    char *path; /* NULL until it is ours to remove */
    struct lock *lock;
};

struct socket_binding {
    struct bound_path *paths;
    size_t count;
};

static int make_directories(const char *path, struct error *error)
{
    enum { DIRECTORY_MODE = 0750 };
    cleanup(mem_freep) char *directory = mem_strdup(path);

    for (char *slash = strchr(directory + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
            return error_set(error, "cannot make the directory '%s': %s", directory,
                             strerror(errno));
        *slash = '/';
    }
    return 0;
}

/* A listening descriptor at path; whatever stood there before is gone (its lock is ours). */
static int listen_at(const char *path, unsigned mode, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, "the path '%s' is longer than the %zu bytes of a socket's name",
                         path, sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    unlink(path);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0) {
        error_set(error, "cannot listen at '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static int bind_address(void *socket, const char *address, struct error *error)
{
    if (zmq_bind(socket, address) < 0)
        return error_set(error, "cannot bind '%s': %s", address, zmq_strerror(zmq_errno()));
    return 0;
}

static int bind_ipc(struct bound_path *bound, void *socket, const char *address, const char *path,
                    const struct endpoint_binding *binding, struct error *error)
{
    cleanup(mem_freep) char *lock_path = mem_printf("%s.lock", path);

    if (path[0] != '/')
        return error_set(error, "'%s' must name an absolute path", address);
    if (make_directories(path, error) < 0 ||
        lock_take(&bound->lock, lock_path, binding->holder, error) < 0)
        return -1;
    int fd = listen_at(path, binding->socket_mode, error);
    if (fd < 0)
        return -1;
    bound->path = mem_strdup(path);

    socket_set(socket, ZMQ_USE_FD, fd);
    int err = bind_address(socket, address, error);
    socket_set(socket, ZMQ_USE_FD, -1);
    if (err < 0)
        close(fd);
    return err;
}

static int bind_tcp(struct endpoint_context *context, void *socket, const char *address,
                    struct error *error)
{
    if (!context->admission)
        return error_set(error, "'%s' needs CURVE: a key pair and a list of allowed keys", address);
    if (admission_guard(context->admission, socket, address, error) < 0)
        return -1;
    int err = bind_address(socket, address, error);
    admission_unguard(socket);
    return err;
}

int socket_bind(struct socket_binding **ret, struct endpoint_context *context, void *socket,
                const struct endpoint_binding *binding, struct error *error)
{
    static const char ipc[] = "ipc://";
    const struct config_list *addresses = binding->addresses;

    if (addresses->count == 0)
        return error_set(error, "no endpoint to bind is set");

    struct socket_binding *self = mem_alloc_zero(sizeof(*self));
    self->paths = mem_alloc_array(addresses->count, sizeof(*self->paths));
    self->count = addresses->count;
    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->items[i];
        bool is_ipc = strncmp(address, ipc, strlen(ipc)) == 0;
        int err = is_ipc ? bind_ipc(&self->paths[i], socket, address, address + strlen(ipc),
                                    binding, error)
                         : bind_tcp(context, socket, address, error);
        if (err < 0) {
            socket_unbind(self);
            return -1;
        }
    }
    *ret = self;
    return 0;
}

/* Of TCP the family has to do: what libzmq was given may be a name, or any port. */
bool socket_is_bound_at(const struct socket_binding *binding, const struct sockaddr_storage *local)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)local;
    bool is_unix = local->ss_family == AF_UNIX;

    for (size_t i = 0; i < binding->count; i++) {
        const char *path = binding->paths[i].path;
        if (is_unix ? path && strcmp(path, address->sun_path) == 0 : !path)
            return true;
    }
    return false;
}

void socket_unbind(struct socket_binding *binding)
{
    if (!binding)
        return;
    for (size_t i = 0; i < binding->count; i++) {
        if (binding->paths[i].path)
            unlink(binding->paths[i].path);
        mem_free(binding->paths[i].path);
        lock_release(binding->paths[i].lock);
    }
    mem_free(binding->paths);
    mem_free(binding);
}
