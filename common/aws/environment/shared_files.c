#include "common/aws/environment/shared_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/map.h"
#include "common/base/mem.h"

struct shared_files {
    struct map *pairs[SHARED_FILE_COUNT]; /* "section\nname" to a text of ours */
};

struct reading {
    struct map *pairs;
    enum shared_file file;
    struct str section; /* empty: before the first, or in one that is not understood */
    char *name;         /* of the pair above; NULL: there is none in this section */
    bool opens;         /* that pair has no value, so deeper lines are pairs within it */
    size_t indent;      /* of that pair */
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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The config file says [profile NAME], the credentials file [NAME]; both may quote it. */
static struct str section_key(enum shared_file file, struct str section)
{
    static const char prefix[] = "profile";
    const size_t len = sizeof(prefix) - 1;

    section = str_trim(section);
    if (file == SHARED_CONFIG && str_starts_with(section, str_of(prefix)) && section.len > len &&
        is_blank(section.ptr[len]))
        section = str_trim(str_from(section.ptr + len, section.len - len));
    if (section.len >= 2 && section.ptr[0] == '"' && str_ends_with(section, STR("\"")))
        section = str_from(section.ptr + 1, section.len - 2);
    return section;
}

static bool is_comment(struct str text)
{
    return text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';';
}

/* A name may hold brackets: it ends at the first behind which nothing but a comment stands. */
static struct str section_in(struct str header)
{
    for (size_t i = 1; i < header.len; i++) {
        struct str behind = str_from(header.ptr + i + 1, header.len - i - 1);
        if (header.ptr[i] == ']' && is_comment(str_trim(behind)))
            return str_from(header.ptr + 1, i - 1);
    }
    return STR_NONE;
}

static struct str without_comment(struct str value)
{
    for (size_t i = 1; i < value.len; i++) {
        if (value.ptr[i] == ';' && is_blank(value.ptr[i - 1]))
            return str_trim(str_from(value.ptr, i));
    }
    return value;
}

/* Names count whatever their case, as with the SDKs. */
static char *lower(struct str text)
{
    char *copy = str_dup(text);

    for (char *at = copy; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

static void put(struct reading *reading, const char *name, struct str value)
{
    cleanup(mem_freep) char *key = mem_printf(STR_FMT "\n%s", STR_ARG(reading->section), name);

    mem_free(map_put(reading->pairs, str_of(key), str_dup(value)));
}

static void begin_section(struct reading *reading, struct str header)
{
    reading->section = section_key(reading->file, section_in(header));
    mem_free(take(reading->name));
    if (reading->section.len > 0)
        put(reading, "", STR_NONE); /* for shared_files_has() */
}

/* False: it is no pair. */
static bool split_pair(struct str line, char **ret_name, struct str *ret_value)
{
    size_t at = 0;

    while (at < line.len && line.ptr[at] != '=' && line.ptr[at] != ':')
        at++;
    struct str name = str_trim(str_from(line.ptr, at));
    if (at == line.len || name.len == 0)
        return false;
    *ret_name = lower(name);
    *ret_value = without_comment(str_trim(str_from(line.ptr + at + 1, line.len - at - 1)));
    return true;
}

/* A line that is deeper than the pair above it belongs to that one's value. */
static void read_pair(struct reading *reading, struct str line, size_t indent)
{
    cleanup(mem_freep) char *name = NULL;
    struct str value;
    bool within = reading->name && indent > reading->indent;

    if ((within && !reading->opens) || !split_pair(line, &name, &value))
        return;
    if (within) {
        cleanup(mem_freep) char *inner = mem_printf("%s.%s", reading->name, name);
        put(reading, inner, value);
        return;
    }
    put(reading, name, value);
    mem_free(reading->name);
    reading->name = take(name);
    reading->opens = value.len == 0;
    reading->indent = indent;
}

static void read_line(struct reading *reading, struct str line)
{
    struct str content = str_trim(line);

    if (is_comment(content) || memchr(content.ptr, '\0', content.len))
        return;
    if (content.ptr[0] == '[')
        begin_section(reading, content);
    else if (reading->section.len > 0)
        read_pair(reading, content, (size_t)(content.ptr - line.ptr));
}

static void read_text(struct reading *reading, struct str text)
{
    struct str mark = STR("\xef\xbb\xbf");

    if (str_starts_with(text, mark))
        text = str_from(text.ptr + mark.len, text.len - mark.len);
    while (!str_is_empty(text))
        read_line(reading, str_split(&text, '\n'));
    mem_free(reading->name);
}

static int read_file(struct shared_files *files, enum shared_file file, struct error *error)
{
    enum { FILE_LIMIT = 1 << 20 };
    static const char *const variables[] = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"};
    static const char *const names[] = {"config", "credentials"};
    const char *named = getenv(variables[file]), *home = getenv("HOME");
    cleanup(buf_done) struct buf text = BUF_INIT;

    files->pairs[file] = map_new();
    struct reading reading = {.pairs = files->pairs[file], .file = file};
    if ((!named || !named[0]) && (!home || !home[0]))
        return 0;
    cleanup(mem_freep) char *path =
        named && named[0] ? mem_strdup(named) : mem_printf("%s/.aws/%s", home, names[file]);
    if (file_read(path, FILE_LIMIT, &text, error) < 0 && errno != ENOENT && errno != ENOTDIR)
        return -1;
    read_text(&reading, buf_str(&text));
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
