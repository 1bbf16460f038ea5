/* What a template is filled with: texts by name, and lists of further values.
 *
 * There is no way to put markup in: every text is escaped when it is rendered.
 */
#ifndef SERVICES_REGISTRAR_VALUES_H
#define SERVICES_REGISTRAR_VALUES_H

#include "common/base/arena.h"

struct values;

/* Everything lives in the arena, texts included. */
struct values *values_new(struct arena *arena);
void values_set(struct values *values, const char *name, struct str text);
void values_set_text(struct values *values, const char *name, const char *text);
void values_printf(struct values *values, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends an item to the list of that name. An item sees what its list's owner has, too. */
struct values *values_add(struct values *values, const char *name);

/* Empty if there is none. */
struct str values_get(const struct values *values, struct str name);
/* The first item of a list, or NULL. */
const struct values *values_list(const struct values *values, struct str name);
const struct values *values_next(const struct values *item);

#endif
