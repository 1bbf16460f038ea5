/* AWS's shared files ("AWS SDKs and Tools Reference Guide: Shared config and credentials files").
 */
#include <stdlib.h>

#include "common/aws/internal.h"
#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/config/ini.h"

struct shared_files {
    struct map *pairs[SHARED_FILE_COUNT]; /* "section\nname" to a text of ours */
};

struct reading {
    struct shared_files *files;
    enum shared_file file;
};

static bool free_value(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    mem_free(value);
    return true;
}

void shared_files_free(struct shared_files *files)
{
    if (!files)
        return;
    for (int i = 0; i < SHARED_FILE_COUNT; i++) {
        if (files->pairs[i])
            map_each(files->pairs[i], free_value, NULL);
        map_free(files->pairs[i]);
    }
    mem_free(files);
}

void shared_files_freep(struct shared_files **files)
{
    shared_files_free(*files);
}

/* The config file says [profile NAME], the credentials file [NAME]; both may quote it. */
static struct str section_key(enum shared_file file, struct str section)
{
    section = str_trim(section);
    if (file == SHARED_CONFIG && str_starts_with(section, STR("profile "))) {
        str_split(&section, ' ');
        section = str_trim(section);
    }
    if (section.len >= 2 && section.ptr[0] == '"' && str_ends_with(section, STR("\"")))
        section = str_from(section.ptr + 1, section.len - 2);
    return section;
}

static void put(struct map *pairs, struct str section, struct str name, struct str inner,
                struct str value)
{
    cleanup(buf_done) struct buf key = BUF_INIT;

    buf_append_str(&key, section);
    buf_append_char(&key, '\n');
    buf_append_str(&key, name);
    if (inner.len > 0)
        buf_append_char(&key, '.');
    buf_append_str(&key, inner);
    mem_free(map_put(pairs, buf_str(&key), str_dup(value)));
}

static int on_pair(void *arg, struct str section, struct str name, struct str value, unsigned line,
                   struct error *error)
{
    struct reading *reading = arg;
    struct map *pairs = reading->files->pairs[reading->file];
    struct str key = section_key(reading->file, section);
    (void)line;
    (void)error;

    put(pairs, key, STR_NONE, STR_NONE, STR_NONE); /* for shared_files_has() */
    if (str_starts_with(key, STR("services ")) && value.len > 0) {
        struct str inner = str_split(&value, '=');
        put(pairs, key, name, str_trim(inner), str_trim(value));
    } else {
        put(pairs, key, name, STR_NONE, value);
    }
    return 0;
}

static int read_file(struct shared_files *files, enum shared_file file, struct error *error)
{
    enum { FILE_LIMIT = 1 << 20 };
    static const char *const variables[] = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"};
    static const char *const names[] = {"config", "credentials"};
    const char *named = getenv(variables[file]), *home = getenv("HOME");
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct reading reading = {files, file};

    files->pairs[file] = map_new();
    if ((!named || !named[0]) && (!home || !home[0]))
        return 0;
    cleanup(mem_freep) char *path =
        named && named[0] ? mem_strdup(named) : mem_printf("%s/.aws/%s", home, names[file]);
    /* A file that does not exist is an empty one. */
    if (file_read(path, FILE_LIMIT, &text, error) < 0)
        return -1;
    if (ini_read(buf_str(&text), on_pair, &reading, error) < 0)
        return error_prefix(error, "%s", path);
    return 0;
}

int shared_files_read(struct shared_files **ret, struct error *error)
{
    cleanup(shared_files_freep) struct shared_files *files = mem_alloc_zero(sizeof(*files));

    if (read_file(files, SHARED_CONFIG, error) < 0 ||
        read_file(files, SHARED_CREDENTIALS, error) < 0)
        return -1;
    *ret = take(files);
    return 0;
}

const char *shared_files_get(const struct shared_files *files, enum shared_file file,
                             const char *section, const char *name)
{
    cleanup(mem_freep) char *key = mem_printf("%s\n%s", section, name);
    const char *value = map_get(files->pairs[file], str_of(key));

    return value && value[0] ? value : NULL;
}

bool shared_files_has(const struct shared_files *files, const char *section)
{
    cleanup(mem_freep) char *key = mem_printf("%s\n", section);

    for (int i = 0; i < SHARED_FILE_COUNT; i++) {
        if (map_get(files->pairs[i], str_of(key)))
            return true;
    }
    return false;
}
