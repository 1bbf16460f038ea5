/* Makes certificates; the only user of CZMQ's. */
#include <czmq.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/keys/certificate.h"

static zcert_t *new_certificate(const struct certificate_note *note, struct curve_keys *ret)
{
    zcert_t *cert = zcert_new();

    if (!cert)
        mem_exhausted();
    zcert_set_meta(cert, "name", "%s", note->name);
    zcert_set_meta(cert, "host", "%s", note->host);
    zcert_set_meta(cert, "made", "%s", note->made);
    snprintf(ret->public_key, sizeof(ret->public_key), "%s", zcert_public_txt(cert));
    snprintf(ret->secret_key, sizeof(ret->secret_key), "%s", zcert_secret_txt(cert));
    return cert;
}

/* A file that only root could use would help no daemon. */
static int give_to_owner(const char *path, const char *directory, mode_t mode)
{
    struct stat status;

    if (chmod(path, mode) < 0 || stat(directory, &status) < 0)
        return -1;
    return geteuid() != 0 ? 0 : chown(path, status.st_uid, status.st_gid);
}

/* Has zcert write the file where nobody else looks; link() then refuses what is there already. */
static int write_file(int (*save)(zcert_t *cert, const char *path), zcert_t *cert, mode_t mode,
                      const char *directory, const char *path, struct error *error)
{
    cleanup(mem_freep) char *hidden = mem_printf("%s/.new-XXXXXX", directory);
    int fd = mkstemp(hidden);
    int err = 0;

    if (fd < 0)
        return error_set(error, "cannot write into '%s': %s", directory, strerror(errno));
    close(fd);
    if (save(cert, hidden) < 0 || give_to_owner(hidden, directory, mode) < 0)
        err = error_set(error, "cannot write '%s': %s", path, strerror(errno));
    else if (link(hidden, path) < 0)
        err = errno == EEXIST ? error_set(error, "'%s' exists already and is not overwritten", path)
                              : error_set(error, "cannot make '%s': %s", path, strerror(errno));
    unlink(hidden);
    return err;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? str_dup(str_from(path, slash == path ? 1 : (size_t)(slash - path)))
                 : mem_strdup(".");
}

/* The public half first: if that is there, the pair is somebody's. */
int certificate_make(const char *path, const struct certificate_note *note, struct curve_keys *ret,
                     struct error *error)
{
    cleanup(mem_freep) char *directory = directory_of(path);
    cleanup(mem_freep) char *secret_path = mem_printf("%s_secret", path);

    zcert_t *cert = new_certificate(note, ret);
    int err = write_file(zcert_save_public, cert, 0644, directory, path, error);
    if (err == 0) {
        err = write_file(zcert_save_secret, cert, 0600, directory, secret_path, error);
        if (err < 0)
            unlink(path);
    }
    zcert_destroy(&cert);
    return err;
}
