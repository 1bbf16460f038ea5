/* Writes certificates. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/keys/certificate.h"

#define PUBLIC_HEAD                                                                                \
    "# CURVE certificate, public half: copy it to where its owner must be recognised.\n\n"
#define SECRET_HEAD                                                                                \
    "# CURVE certificate, both halves: it stays with its owner, who alone may read it.\n\n"

enum { TEXT_ROOM = 1024 }; /* a secret that is moved would leave a copy behind */

/* Quotes and control characters have no way into a value; RFC 4 knows no escapes. */
static void write_value(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "    %s = \"", name);
    for (const char *at = value; *at; at++) {
        unsigned char c = (unsigned char)*at;
        buf_append_char(out, c < ' ' || c == 0x7f || c == '"' ? '?' : *at);
    }
    buf_printf(out, "\"\n");
}

static void write_text(struct buf *out, const struct certificate_note *note,
                       const struct curve_keys *keys, bool secret)
{
    buf_printf(out, "%smetadata\n", secret ? SECRET_HEAD : PUBLIC_HEAD);
    write_value(out, "name", note->name);
    write_value(out, "made", note->made);
    write_value(out, "host", note->host);
    buf_printf(out, "curve\n");
    write_value(out, "public-key", keys->public_key);
    if (secret)
        write_value(out, "secret-key", keys->secret_key);
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
static int make_pair(int directory, const char *name, const struct certificate_note *note,
                     const struct curve_keys *keys, struct error *error)
{
    cleanup(mem_freep) char *secret_name = mem_printf("%s_secret", name);
    cleanup(buf_done) struct buf public_text = BUF_INIT, secret_text = BUF_INIT;

    buf_reserve(&secret_text, TEXT_ROOM);
    write_text(&public_text, note, keys, false);
    write_text(&secret_text, note, keys, true);
    int err = make_file(directory, name, buf_str(&public_text), 0644, error);
    if (err == 0) {
        err = make_file(directory, secret_name, buf_str(&secret_text), 0600, error);
        if (err < 0)
            unlinkat(directory, name, 0);
    }
    explicit_bzero(secret_text.data, secret_text.len);
    return err;
}

int certificate_make(const char *directory, const char *name, const struct certificate_note *note,
                     const struct curve_keys *keys, struct error *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_set(error, "cannot open the directory '%s': %s", directory, strerror(errno));
    int err = make_pair(fd, name, note, keys, error);
    close(fd);
    return err < 0 ? error_prefix(error, "%s", directory) : 0;
}
