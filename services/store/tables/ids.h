/* A growing set of ids, in the order in which they were added. */
#ifndef SERVICES_STORE_TABLES_IDS_H
#define SERVICES_STORE_TABLES_IDS_H

#include "common/base/numbering.h"
#include "proto/message.h"

struct ids {
    struct arena *arena;
    struct str_list list;
    size_t capacity;
    struct numbering known; /* once there is one */
};

void ids_add(struct ids *ids, struct str id); /* copies; twice is once */
bool ids_has(const struct ids *ids, struct str id);

#endif
