/* Records read from JSON and written to it by table: each member declared once.
 *
 * The world's records and the verbs' parameters are read the same strict way: a member that the
 * table does not know, or of the wrong type, is an error that names it, so that a typing error in a
 * test or a world file does not pass in silence.
 */
#ifndef SERVICES_SANDBOX_FIELDS_H
#define SERVICES_SANDBOX_FIELDS_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/json/json.h"

struct names {
    struct str *list;
    size_t count;
};

enum field_kind {
    FIELD_STR,
    FIELD_INTEGER,
    FIELD_BOOL,
    FIELD_NAMES, /* an array of strings; one string stands for an array of one */
    FIELD_JSON,  /* const struct json *, borrowed from the tree that is read; never written */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    bool required; /* there, and if it is a text, not an empty one */
};

#define FIELD_END                                                                                  \
    {                                                                                              \
        0                                                                                          \
    }

/* Sets the members that are there; the others keep what the record holds. Texts are copied into the
 * arena. The table ends with FIELD_END. */
int fields_load(struct arena *arena, const struct field *fields, void *record,
                const struct json *object, struct error *error);
void fields_save(const struct field *fields, const void *record, struct json *object);
struct json *fields_json(const struct field *fields, const void *record); /* a new object */
/* The members of the table alone. */
void fields_copy(const struct field *fields, void *to, const void *from);

typedef int fields_item_fn(void *arg, const struct json *item, struct error *error);
/* Each item of a list in its turn; an error names the item. A list that is absent is empty. */
int fields_load_list(const char *name, const struct json *list, fields_item_fn *load, void *arg,
                     struct error *error);

bool names_hold(const struct names *names, struct str name);

#endif
