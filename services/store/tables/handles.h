/* The handles of a subscription and their rows in the index, which is kept by hand. */
#ifndef SERVICES_STORE_TABLES_HANDLES_H
#define SERVICES_STORE_TABLES_HANDLES_H

#include "common/base/arena.h"
#include "proto/message.h"

enum { HANDLES_MAX = 8 + 64 };

struct handles {
    struct str items[HANDLES_MAX];
    size_t count;
};

/* Each once. They live as long as the record. */
void handles_collect(const struct subscription *record, struct handles *ret);
bool handles_have(const struct handles *handles, struct str handle);
/* The key of a handle's row: handle, NUL, id; without an id it is what all of the handle's begin
 * with. */
struct str handles_key(struct arena *arena, struct str handle, struct str id);

#endif
