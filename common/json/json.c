#include "common/json/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"

/* A struct json is a json_t under a name of our own, so that no other file needs jansson.h. */
static json_t *inner(const struct json *value)
{
    /* jansson's readers take what they do not change without const. */
    return (json_t *)(uintptr_t)value;
}

static struct json *outer(json_t *value)
{
    if (!value)
        mem_exhausted();
    return (struct json *)value;
}

/* jansson's own bound is 2048 levels, and recursion costs stack. */
static bool is_nested_too_deep(struct str text)
{
    enum { DEPTH_LIMIT = 64 };
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_LIMIT)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

/* jansson's complaint without what it quotes of the text, which may be a secret. */
static int complain(const json_error_t *why, struct error *error)
{
    const char *quote = strstr(why->text, " near '");
    int len = (int)(quote ? (size_t)(quote - why->text) : strlen(why->text));

    return error_set(error, "not JSON: %.*s (line %d, column %d)", len, why->text, why->line,
                     why->column);
}

int json_parse(struct json **ret, struct str text, struct error *error)
{
    json_error_t why;

    /* jansson 2.14 swallows a NUL that follows a number. */
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return error_set(error, "not JSON: it holds a NUL byte");
    if (is_nested_too_deep(text))
        return error_set(error, "JSON is nested too deeply");
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!root)
        return complain(&why, error);
    *ret = (struct json *)root;
    return 0;
}

void json_free(struct json *root)
{
    json_decref(inner(root));
}

void json_freep(struct json **root)
{
    json_free(*root);
}

enum json_kind json_kind(const struct json *value)
{
    if (!value)
        return JSON_KIND_ABSENT;
    switch (json_typeof(inner(value))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INTEGER;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    case JSON_NULL:
        return JSON_KIND_NULL;
    }
    return JSON_KIND_ABSENT;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return (const struct json *)json_object_get(inner(object), key);
}

const struct json *json_path(const struct json *object, const char *path)
{
    struct str rest = str_of(path);

    while (object && rest.len > 0) {
        struct str key = str_split(&rest, '.');
        object = (const struct json *)json_object_getn(inner(object), key.ptr, key.len);
    }
    return object;
}

size_t json_count(const struct json *value)
{
    return json_kind(value) == JSON_KIND_OBJECT ? json_object_size(inner(value))
                                                : json_array_size(inner(value));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return (const struct json *)json_array_get(inner(array), index);
}

struct str json_str(const struct json *value)
{
    return str_from(json_string_value(inner(value)), json_string_length(inner(value)));
}

bool json_number(const struct json *value, double *ret_number)
{
    if (!json_is_number(inner(value)))
        return false;
    *ret_number = json_number_value(inner(value));
    return true;
}

bool json_int(const struct json *value, int64_t *ret_number)
{
    if (!json_is_integer(inner(value)))
        return false;
    *ret_number = json_integer_value(inner(value));
    return true;
}

bool json_bool(const struct json *value, bool *ret_bool)
{
    if (!json_is_boolean(inner(value)))
        return false;
    *ret_bool = json_is_true(inner(value));
    return true;
}

struct str json_get_str(const struct json *object, const char *key)
{
    return json_str(json_get(object, key));
}

void json_each(const struct json *object,
               void (*visit)(void *arg, struct str key, const struct json *value), void *arg)
{
    json_t *container = inner(object);

    for (void *at = json_object_iter(container); at; at = json_object_iter_next(container, at)) {
        struct str key = str_from(json_object_iter_key(at), json_object_iter_key_len(at));
        visit(arg, key, (const struct json *)json_object_iter_value(at));
    }
}

struct json *json_new_object(void)
{
    return outer(json_object());
}

struct json *json_new_array(void)
{
    return outer(json_array());
}

static void append_as_utf8(struct buf *out, struct str text)
{
    enum { SEQUENCE_MAX = 4 };

    for (size_t i = 0; i < text.len;) {
        size_t len = 1;
        while (len <= SEQUENCE_MAX && i + len <= text.len &&
               !str_is_utf8(str_from(text.ptr + i, len)))
            len++;
        if (len > SEQUENCE_MAX || i + len > text.len) {
            buf_append_text(out, "\xEF\xBF\xBD");
            len = 1;
        } else {
            buf_append(out, text.ptr + i, len);
        }
        i += len;
    }
}

struct json *json_new_str(struct str text)
{
    if (str_is_utf8(text))
        return outer(json_stringn(text.ptr ? text.ptr : "", text.len));

    cleanup(buf_done) struct buf clean = BUF_INIT;
    append_as_utf8(&clean, text);
    return outer(json_stringn(clean.data, clean.len));
}

struct json *json_new_integer(int64_t number)
{
    return outer(json_integer(number));
}

struct json *json_new_number(double number)
{
    return isfinite(number) ? outer(json_real(number)) : json_new_null();
}

struct json *json_new_bool(bool value)
{
    return outer(json_boolean(value));
}

struct json *json_new_null(void)
{
    return outer(json_null());
}

struct json *json_clone(const struct json *value)
{
    return value ? outer(json_deep_copy(inner(value))) : json_new_null();
}

void json_set(struct json *object, const char *key, struct json *value)
{
    json_object_set_new(inner(object), key, inner(value));
}

void json_set_str(struct json *object, const char *key, struct str text)
{
    json_set(object, key, json_new_str(text));
}

void json_set_integer(struct json *object, const char *key, int64_t number)
{
    json_set(object, key, json_new_integer(number));
}

void json_set_bool(struct json *object, const char *key, bool value)
{
    json_set(object, key, json_new_bool(value));
}

void json_remove(struct json *object, const char *key)
{
    json_object_del(inner(object), key);
}

void json_add(struct json *array, struct json *value)
{
    json_array_append_new(inner(array), inner(value));
}

static int on_text(const char *text, size_t len, void *arg)
{
    buf_append(arg, text, len);
    return 0;
}

static void write_value(const struct json *value, struct buf *out, size_t flags)
{
    if (!value)
        buf_append_text(out, "null");
    else
        json_dump_callback(inner(value), on_text, out, flags | JSON_ENCODE_ANY);
}

void json_write(const struct json *value, struct buf *out)
{
    write_value(value, out, JSON_COMPACT);
}

void json_write_pretty(const struct json *value, struct buf *out)
{
    write_value(value, out, JSON_INDENT(2));
    buf_append_char(out, '\n');
}
