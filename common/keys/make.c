/* Makes certificates; the only user of CZMQ's. */
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
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

typedef int save_fn(zcert_t *cert, const char *path);

/* What zcert writes, by way of a file that has no name. */
static int write_text(save_fn *save, zcert_t *cert, struct buf *out)
{
    cleanup(mem_freep) char *path = NULL;
    char chunk[4096];
    ssize_t got = -1;
    int fd = memfd_create("certificate", MFD_CLOEXEC);

    if (fd < 0)
        return -1;
    path = mem_printf("/proc/self/fd/%d", fd);
    if (save(cert, path) == 0) {
        while ((got = pread(fd, chunk, sizeof(chunk), (off_t)out->len)) > 0)
            buf_append(out, chunk, (size_t)got);
    }
    explicit_bzero(chunk, sizeof(chunk));
    close(fd);
    return got == 0 ? 0 : -1;
}

/* A file that only root could use would help no daemon. */
static int finish_file(int fd, int directory, struct str text, mode_t mode)
{
    struct stat owner;

    if (fstat(directory, &owner) < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len ||
        fchmod(fd, mode) < 0)
        return -1;
    if (geteuid() == 0 && fchown(fd, owner.st_uid, owner.st_gid) < 0)
        return -1;
    return fsync(fd);
}

/* The directory may belong to somebody else, who could put a link anywhere meanwhile: nothing is
 * opened that is there, and nothing is done by a name afterwards. */
static int make_file(int directory, const char *name, struct str text, mode_t mode,
                     struct error *error)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);

    if (fd < 0)
        return errno == EEXIST
                   ? error_set(error, "'%s' exists already and is not overwritten", name)
                   : error_set(error, "cannot make '%s': %s", name, strerror(errno));
    int err = finish_file(fd, directory, text, mode);
    if (err < 0) {
        error_set(error, "cannot write '%s': %s", name, strerror(errno));
        unlinkat(directory, name, 0);
    }
    close(fd);
    return err;
}

/* The public half first: if that is there, the pair is somebody's. */
static int make_pair(int directory, const char *name, zcert_t *cert, struct error *error)
{
    cleanup(mem_freep) char *secret_name = mem_printf("%s_secret", name);
    cleanup(buf_done) struct buf public_text = BUF_INIT, secret_text = BUF_INIT;

    if (write_text(zcert_save_public, cert, &public_text) < 0 ||
        write_text(zcert_save_secret, cert, &secret_text) < 0)
        return error_set(error, "cannot write a certificate: %s", strerror(errno));
    int err = make_file(directory, name, buf_str(&public_text), 0644, error);
    if (err == 0) {
        err = make_file(directory, secret_name, buf_str(&secret_text), 0600, error);
        if (err < 0)
            unlinkat(directory, name, 0);
    }
    if (secret_text.data)
        explicit_bzero(secret_text.data, secret_text.len);
    return err;
}

int certificate_make(const char *directory, const char *name, const struct certificate_note *note,
                     struct curve_keys *ret, struct error *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_set(error, "cannot open the directory '%s': %s", directory, strerror(errno));
    zcert_t *cert = new_certificate(note, ret);
    int err = make_pair(fd, name, cert, error);
    zcert_destroy(&cert);
    close(fd);
    return err < 0 ? error_prefix(error, "%s", directory) : 0;
}
