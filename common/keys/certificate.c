/* Reads certificates. Allocates nothing: the client library reads them too. */
#include "common/keys/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_LIMIT = 16 * 1024, KEY_LENGTH = CURVE_KEY_SIZE - 1, GROUP = 5 };

/* ZeroMQ RFC 32: five characters are a number of 32 bits, the first weighs most. */
bool curve_key_is_valid(struct str key)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 ".-:+=^!/*?&<>()[]{}@%$#";
    uint64_t value = 0;

    if (key.len != KEY_LENGTH)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        const char *digit = memchr(digits, key.ptr[i], sizeof(digits) - 1);
        if (!digit)
            return false;
        value = (i % GROUP == 0 ? 0 : value * (sizeof(digits) - 1)) + (uint64_t)(digit - digits);
        if (value > UINT32_MAX)
            return false;
    }
    return true;
}

/* ZeroMQ RFC 4: what is in quotes is the value, whatever it is made of. */
static struct str unquote(struct str value)
{
    struct str rest = value;

    if (value.len < 2 || (value.ptr[0] != '"' && value.ptr[0] != '\''))
        return value;
    rest = str_from(value.ptr + 1, value.len - 1);
    return str_split(&rest, value.ptr[0]);
}

static void keep(char *text, size_t size, struct str value)
{
    if (value.len > 0 && value.len < size) {
        memcpy(text, value.ptr, value.len);
        text[value.len] = '\0';
    }
}

static void take_property(struct str section, struct str name, struct str value,
                          struct curve_keys *keys, struct certificate_note *note)
{
    if (str_eq_text(section, "curve") && str_eq_text(name, "public-key"))
        keep(keys->public_key, sizeof(keys->public_key), value);
    else if (str_eq_text(section, "curve") && str_eq_text(name, "secret-key"))
        keep(keys->secret_key, sizeof(keys->secret_key), value);
    else if (str_eq_text(section, "metadata") && str_eq_text(name, "name"))
        keep(note->name, sizeof(note->name), value);
    else if (str_eq_text(section, "metadata") && str_eq_text(name, "host"))
        keep(note->host, sizeof(note->host), value);
    else if (str_eq_text(section, "metadata") && str_eq_text(name, "made"))
        keep(note->made, sizeof(note->made), value);
}

int certificate_parse(struct str text, struct curve_keys *ret, struct certificate_note *ret_note)
{
    struct str section = STR_NONE;

    *ret = (struct curve_keys){.public_key = ""};
    *ret_note = (struct certificate_note){.name = ""};
    while (text.len > 0) {
        struct str line = str_split(&text, '\n');
        bool indented = line.len > 0 && line.ptr[0] == ' ';
        struct str value = str_trim(line);
        struct str name = str_trim(str_split(&value, '='));
        if (name.len == 0 || name.ptr[0] == '#')
            continue;
        if (!indented)
            section = name;
        else
            take_property(section, name, unquote(str_trim(value)), ret, ret_note);
    }
    if (!curve_key_is_valid(str_of(ret->public_key)) ||
        (*ret->secret_key && !curve_key_is_valid(str_of(ret->secret_key))))
        return -1;
    return 0;
}

static int read_text(int fd, char *text, size_t size, struct str *ret)
{
    size_t len = 0;
    ssize_t got;

    while ((got = read(fd, text + len, size - len)) > 0)
        len += (size_t)got;
    *ret = str_from(text, len);
    return got < 0 || len == size ? -1 : 0;
}

static int load_from(int fd, const char *path, struct curve_keys *ret,
                     struct certificate_note *ret_note, struct error *error)
{
    struct certificate_note note;
    char text[FILE_LIMIT];
    struct str view = STR_NONE;

    int err = read_text(fd, text, sizeof(text), &view);
    if (err == 0)
        err = certificate_parse(view, ret, ret_note ? ret_note : &note);
    explicit_bzero(text, sizeof(text));
    return err == 0 ? 0 : error_set(error, "'%s' is not a CURVE certificate", path);
}

static int open_file(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    return fd >= 0 ? fd : error_set(error, "cannot read '%s': %s", path, strerror(errno));
}

int certificate_load(const char *path, struct curve_keys *ret, struct certificate_note *ret_note,
                     struct error *error)
{
    int fd = open_file(path, error);

    if (fd < 0)
        return -1;
    int err = load_from(fd, path, ret, ret_note, error);
    close(fd);
    explicit_bzero(ret->secret_key, sizeof(ret->secret_key));
    return err;
}

static int check_mode(int fd, const char *path, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return error_set(error, "cannot read '%s': %s", path, strerror(errno));
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, "users other than its owner may use '%s'; it must have mode 0600",
                         path);
    return 0;
}

int certificate_load_secret(const char *path, struct curve_keys *ret, struct error *error)
{
    char secret_path[PATH_MAX];

    if (snprintf(secret_path, sizeof(secret_path), "%s_secret", path) >= (int)sizeof(secret_path))
        return error_set(error, "a certificate's path is longer than %d bytes", PATH_MAX);
    int fd = open_file(secret_path, error);
    if (fd < 0)
        return -1;
    int err = check_mode(fd, secret_path, error);
    if (err == 0)
        err = load_from(fd, secret_path, ret, NULL, error);
    close(fd);
    if (err == 0 && !*ret->secret_key)
        err = error_set(error, "'%s' has no secret key", secret_path);
    return err;
}
