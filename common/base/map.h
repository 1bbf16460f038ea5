/* A map from a text to a pointer. The map copies the key and never owns the value. */
#ifndef COMMON_BASE_MAP_H
#define COMMON_BASE_MAP_H

#include "common/base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *map);
void map_freep(struct map **map);
void *map_get(const struct map *map, struct str key); /* NULL if absent */
void *map_put(struct map *map, struct str key,
              void *value);                        /* returns the value replaced or NULL */
void *map_remove(struct map *map, struct str key); /* returns the value removed or NULL */
size_t map_count(const struct map *map);
/* Visits every entry; the visitor may remove the entry it is shown. Stops when it returns false. */
void map_each(struct map *map, bool (*visit)(void *arg, struct str key, void *value), void *arg);

#endif
