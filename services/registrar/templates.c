#include "services/registrar/templates.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/map.h"
#include "common/base/mem.h"

enum { LARGEST_FILE = 256 * 1024, DEEPEST = 16 };

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
    struct node *next;
    struct node *children; /* of a section */
    enum node_kind kind;
    struct str text; /* of NODE_TEXT; otherwise the name */
};

struct templates {
    struct arena arena;
    struct map *nodes; /* file name -> struct node, the first of its nodes */
};

struct reader {
    struct templates *templates;
    const char *file;
    struct str rest;
    unsigned line;
    unsigned depth;
};

static int fail(const struct reader *reader, struct error *error, const char *what, struct str name)
{
    return error_set(error, "template %s:%u: %s" STR_FMT "%s", reader->file, reader->line, what,
                     STR_ARG(name), name.len > 0 ? "}}" : "");
}

static struct str take_until(struct reader *reader, const char *mark, bool *ret_found)
{
    const char *end = memmem(reader->rest.ptr, reader->rest.len, mark, 2);
    struct str taken =
        end ? str_from(reader->rest.ptr, (size_t)(end - reader->rest.ptr)) : reader->rest;

    *ret_found = end != NULL;
    size_t skip = taken.len + (end ? 2 : 0);
    reader->rest = str_from(reader->rest.ptr + skip, reader->rest.len - skip);
    for (size_t i = 0; i < taken.len; i++)
        reader->line += taken.ptr[i] == '\n';
    return taken;
}

static struct node *add_node(struct reader *reader, struct node ***tail, enum node_kind kind,
                             struct str text)
{
    struct node *node = arena_alloc(&reader->templates->arena, sizeof(*node));

    node->kind = kind;
    node->text = text;
    **tail = node;
    *tail = &node->next;
    return node;
}

static int read_nodes(struct reader *reader, struct str section, struct node **ret,
                      struct error *error);

static int read_section(struct reader *reader, struct node ***tail, enum node_kind kind,
                        struct str name, struct error *error)
{
    struct node *node = add_node(reader, tail, kind, name);

    if (++reader->depth > DEEPEST)
        return fail(reader, error, "sections are nested too deep at {{#", name);
    if (read_nodes(reader, name, &node->children, error) != 0)
        return -1;
    reader->depth--;
    return 0;
}

static int read_tag(struct reader *reader, struct node ***tail, struct str tag, struct error *error)
{
    char sign = tag.len > 0 ? tag.ptr[0] : '\0';
    struct str name = str_trim(str_from(tag.ptr + 1, tag.len > 0 ? tag.len - 1 : 0));

    if (sign == '#' && name.len > 0)
        return read_section(reader, tail, NODE_SECTION, name, error);
    if (sign == '^' && name.len > 0)
        return read_section(reader, tail, NODE_INVERTED, name, error);
    if (sign == '>' && name.len > 0) {
        add_node(reader, tail, NODE_PARTIAL, name);
        return 0;
    }
    name = str_trim(tag);
    for (size_t i = 0; i < name.len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.ptr[i]))
            return fail(reader, error, "this is not a name: {{", name);
    }
    if (name.len == 0)
        return fail(reader, error, "a name is missing between {{ and }}", STR_NONE);
    add_node(reader, tail, NODE_VALUE, name);
    return 0;
}

/* Up to the end of the section, or of the file when there is none. */
static int read_nodes(struct reader *reader, struct str section, struct node **ret,
                      struct error *error)
{
    struct node **tail = ret;

    for (;;) {
        bool opened, closed;
        struct str text = take_until(reader, "{{", &opened);
        if (text.len > 0)
            add_node(reader, &tail, NODE_TEXT, text);
        if (!opened)
            return section.len == 0 ? 0 : fail(reader, error, "there is no {{/", section);
        struct str tag = str_trim(take_until(reader, "}}", &closed));
        if (!closed)
            return fail(reader, error, "a {{ has no }}", STR_NONE);
        if (tag.len > 0 && tag.ptr[0] == '/') {
            struct str name = str_trim(str_from(tag.ptr + 1, tag.len - 1));
            return section.len > 0 && str_eq(name, section)
                       ? 0
                       : fail(reader, error, "no section is open for {{/", name);
        }
        if (read_tag(reader, &tail, tag, error) != 0)
            return -1;
    }
}

static int add_template(struct templates *templates, const char *name, struct str text,
                        struct error *error)
{
    struct reader reader = {.templates = templates, .file = name, .line = 1};
    struct node *first = NULL;

    if (!str_is_utf8(text))
        return error_set(error, "template %s: it is not UTF-8", name);
    reader.rest = arena_str(&templates->arena, text);
    if (read_nodes(&reader, STR_NONE, &first, error) != 0)
        return -1;
    if (!first) /* an empty file replaces a page by nothing */
        first = arena_alloc(&templates->arena, sizeof(*first));
    map_put(templates->nodes, str_of(name), first);
    return 0;
}

static int load_file(struct templates *templates, const char *directory, const char *name,
                     struct error *error)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s", directory, name);
    cleanup(buf_done) struct buf text = BUF_INIT;

    if (file_read(path, LARGEST_FILE, &text, error) < 0)
        return -1;
    return add_template(templates, name, buf_str(&text), error);
}

static int load_directory(struct templates *templates, const char *path, struct error *error)
{
    DIR *directory = opendir(path);
    int err = 0;

    if (!directory)
        return error_set(error, "cannot read template_directory '%s': %s", path, strerror(errno));
    for (struct dirent *entry; err == 0 && (entry = readdir(directory));) {
        struct str name = str_of(entry->d_name);
        if (name.ptr[0] != '.' &&
            (str_ends_with(name, STR(".html")) || str_ends_with(name, STR(".css"))))
            err = load_file(templates, path, entry->d_name, error);
    }
    closedir(directory);
    return err;
}

struct partial_check {
    const struct templates *templates;
    struct error *error;
    int err;
};

static int check_partials(const struct templates *templates, struct str file,
                          const struct node *node, unsigned depth, struct error *error)
{
    if (depth > DEEPEST)
        return error_set(error, "template " STR_FMT ": templates include each other",
                         STR_ARG(file));
    for (; node; node = node->next) {
        if (check_partials(templates, file, node->children, depth + 1, error) != 0)
            return -1;
        if (node->kind != NODE_PARTIAL)
            continue;
        const struct node *other = map_get(templates->nodes, node->text);
        if (!other)
            return error_set(error, "template " STR_FMT ": there is no template '" STR_FMT "'",
                             STR_ARG(file), STR_ARG(node->text));
        if (check_partials(templates, file, other, depth + 1, error) != 0)
            return -1;
    }
    return 0;
}

static bool check_template(void *arg, struct str key, void *value)
{
    struct partial_check *check = arg;

    check->err = check_partials(check->templates, key, value, 0, check->error);
    return check->err == 0;
}

static int load_all(struct templates *templates, const struct embedded_file *built_in,
                    const char *directory, struct error *error)
{
    for (; built_in->name; built_in++) {
        struct str text = str_from(built_in->bytes, built_in->len);
        if (add_template(templates, built_in->name, text, error) != 0)
            return -1;
    }
    if (directory[0] && load_directory(templates, directory, error) != 0)
        return -1;

    struct partial_check check = {.templates = templates, .error = error};
    map_each(templates->nodes, check_template, &check);
    return check.err;
}

int templates_load(struct templates **ret, const struct embedded_file *built_in,
                   const char *directory, struct error *error)
{
    struct templates *templates = mem_alloc_zero(sizeof(*templates));

    templates->nodes = map_new();
    if (load_all(templates, built_in, directory, error) != 0) {
        templates_free(templates);
        return -1;
    }
    *ret = templates;
    return 0;
}

void templates_free(struct templates *templates)
{
    if (!templates)
        return;
    map_free(templates->nodes);
    arena_done(&templates->arena);
    mem_free(templates);
}

bool templates_has(const struct templates *templates, const char *name)
{
    return map_get(templates->nodes, str_of(name)) != NULL;
}

static void render(const struct templates *templates, const struct node *node,
                   const struct values *values, struct buf *out);

static void render_section(const struct templates *templates, const struct node *node,
                           const struct values *values, struct buf *out)
{
    const struct values *item = values_list(values, node->text);
    bool there = item || values_get(values, node->text).len > 0;

    if (node->kind == NODE_INVERTED) {
        if (!there)
            render(templates, node->children, values, out);
        return;
    }
    if (there && !item)
        render(templates, node->children, values, out);
    for (; item; item = values_next(item))
        render(templates, node->children, item, out);
}

static void render(const struct templates *templates, const struct node *node,
                   const struct values *values, struct buf *out)
{
    for (; node; node = node->next) {
        switch (node->kind) {
        case NODE_TEXT:
            buf_append_str(out, node->text);
            break;
        case NODE_VALUE:
            escape_markup(out, values_get(values, node->text));
            break;
        case NODE_SECTION:
        case NODE_INVERTED:
            render_section(templates, node, values, out);
            break;
        case NODE_PARTIAL:
            render(templates, map_get(templates->nodes, node->text), values, out);
            break;
        }
    }
}

void templates_render(const struct templates *templates, const char *name,
                      const struct values *values, struct buf *out)
{
    render(templates, map_get(templates->nodes, str_of(name)), values, out);
}
