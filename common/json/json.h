/* JSON values. Sole user of jansson, whose names (json_integer, json_copy, json_type, JSON_STRING,
 * ...) are left to it.
 *
 * A value belongs to the tree it is in; json_free() frees a root. Readers take NULL and the wrong
 * type and answer "absent", so that optional members read in one line.
 */
#ifndef COMMON_JSON_JSON_H
#define COMMON_JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/str.h"

struct json;

enum json_kind {
    JSON_KIND_ABSENT,
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_INTEGER,
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};

/* Rejects duplicate keys, trailing bytes, NUL in strings and nesting deeper than 64. The error
 * quotes nothing of the text. */
int json_parse(struct json **ret, struct str text, struct error *error);
void json_free(struct json *root);
void json_freep(struct json **root);

enum json_kind json_kind(const struct json *value);
const struct json *json_get(const struct json *object, const char *key); /* NULL if absent */
const struct json *json_path(const struct json *object,
                             const char *path); /* "detail.license.arn" */
size_t json_count(const struct json *value);    /* of an array or object, else 0 */
const struct json *json_at(const struct json *array, size_t index);
struct str json_str(const struct json *value); /* empty if not a string */
/* These leave the output alone when they answer false. */
bool json_number(const struct json *value, double *ret_number); /* integer or real */
bool json_int(const struct json *value, int64_t *ret_number);   /* integers only */
bool json_bool(const struct json *value, bool *ret_bool);
struct str json_get_str(const struct json *object, const char *key);
/* Visits the members of an object in their order. */
void json_each(const struct json *object,
               void (*visit)(void *arg, struct str key, const struct json *value), void *arg);

/* Building. A number that is not finite becomes null. Values given to json_set() and json_add()
 * belong to the container afterwards. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(struct str text); /* bytes that are not UTF-8 become U+FFFD */
struct json *json_new_integer(int64_t number);
struct json *json_new_number(double number);
struct json *json_new_bool(bool value);
struct json *json_new_null(void);
struct json *json_clone(const struct json *value);
void json_set(struct json *object, const char *key, struct json *value);
void json_set_str(struct json *object, const char *key, struct str text);
void json_set_integer(struct json *object, const char *key, int64_t number);
void json_set_bool(struct json *object, const char *key, bool value);
void json_remove(struct json *object, const char *key);
void json_add(struct json *array, struct json *value);

void json_write(const struct json *value, struct buf *out);        /* compact */
void json_write_pretty(const struct json *value, struct buf *out); /* two blanks, line end */

#endif
