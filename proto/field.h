/* Members of messages, whatever shape they are of. */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include <stdbool.h>

#include "proto/message.h"

/* Every list struct is items and count. */
struct any_list {
    char *items;
    size_t count;
};

/* What is empty, zero or false is absent and not written. Only the codec knows fallbacks: there a
 * number is absent that is its fallback. */
static inline bool field_is_set(const struct field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        return ((const struct str *)member)->len > 0;
    case FIELD_BOOL:
        return *(const bool *)member;
    case FIELD_INT:
    case FIELD_TIME:
        return *(const int64_t *)member != 0;
    case FIELD_NUM:
        return *(const double *)member != 0;
    case FIELD_VALUE:
        return ((const struct value *)member)->kind != VALUE_NONE;
    case FIELD_CHOICE:
        return *(const int *)member != 0;
    case FIELD_STRS:
    case FIELD_LIST:
    case FIELD_ROWS:
    case FIELD_ENCODED:
        return ((const struct any_list *)member)->count > 0;
    case FIELD_ITEM:
        return *(void *const *)member != NULL;
    }
    return false;
}

#endif
