#include "proto/message.h"

#define ENUMERATION(name, doc)          static const struct word words_##name[] = {{"", ""},
#define WORD(name, constant, word, doc) {word, doc},
#define ENUMERATION_END(name)                                                                      \
    }                                                                                              \
    ;
#include "proto/messages.def"

#define ENUMERATION(name, doc)                                                                     \
    const struct enumeration enumeration_##name = {#name, doc, words_##name, name##_count};
#include "proto/messages.def"

/* A shape without fields still needs a table, hence the closing row that is not counted. */
#define FIELD_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define FIELD(shape, field, what, how, ...)                                                        \
    {.name = #field,                                                                               \
     .name_len = sizeof(#field) - 1,                                                               \
     .kind = what,                                                                                 \
     .need = how,                                                                                  \
     .offset = offsetof(struct shape, field),                                                      \
     __VA_ARGS__},

#define SHAPE_BEGIN(shape, about) static const struct field fields_##shape[] = {
#define TEXT(shape, name, need, max, about)                                                        \
    FIELD(shape, name, FIELD_TEXT, need, .limit = max, .doc = about)
#define BIN(shape, name, need, max, about)                                                         \
    FIELD(shape, name, FIELD_BIN, need, .limit = max, .doc = about)
#define BOOL(shape, name, need, about) FIELD(shape, name, FIELD_BOOL, need, .doc = about)
#define INT(shape, name, need, value, about)                                                       \
    FIELD(shape, name, FIELD_INT, need, .fallback = value, .doc = about)
#define NUM(shape, name, need, value, about)                                                       \
    FIELD(shape, name, FIELD_NUM, need, .fallback = value, .doc = about)
#define TIME(shape, name, need, about)  FIELD(shape, name, FIELD_TIME, need, .doc = about)
#define VALUE(shape, name, need, about) FIELD(shape, name, FIELD_VALUE, need, .doc = about)
#define CHOICE(shape, name, need, words, about)                                                    \
    FIELD(shape, name, FIELD_CHOICE, need, .enumeration = &enumeration_##words, .doc = about)
#define STRS(shape, name, need, max, about)                                                        \
    FIELD(shape, name, FIELD_STRS, need, .limit = max, .doc = about)
#define ITEM(shape, name, need, of, about)                                                         \
    FIELD(shape, name, FIELD_ITEM, need, .child = &shape_##of, .doc = about)
#define LIST(shape, name, need, of, max, about)                                                    \
    FIELD(shape, name, FIELD_LIST, need, .child = &shape_##of, .limit = max, .doc = about)
#define ROWS(shape, name, need, of, max, about)                                                    \
    FIELD(shape, name, FIELD_ROWS, need, .child = &shape_##of, .limit = max, .doc = about)
#define ENCODED(shape, name, need, of, max, about)                                                 \
    FIELD(shape, name, FIELD_ENCODED, need, .child = &shape_##of, .limit = max, .doc = about)
#define SHAPE_END(shape)                                                                           \
    FIELD_END                                                                                      \
    }                                                                                              \
    ;
#include "proto/messages.def"

#define SHAPE_BEGIN(type, about)                                                                   \
    const struct shape shape_##type = {                                                            \
        .number = SHAPE_##type,                                                                    \
        .name = #type,                                                                             \
        .doc = about,                                                                              \
        .size = sizeof(struct type),                                                               \
        .fields = fields_##type,                                                                   \
        .field_count = sizeof(fields_##type) / sizeof(fields_##type[0]) - 1,                       \
    };                                                                                             \
    _Static_assert(sizeof(fields_##type) / sizeof(fields_##type[0]) - 1 <= SHAPE_FIELDS_MAX, #type);
#include "proto/messages.def"

#define SHAPE_BEGIN(shape, about) &shape_##shape,
const struct shape *const shapes[] = {
#include "proto/messages.def"
};
const size_t shape_count = sizeof(shapes) / sizeof(shapes[0]);

#define ENUMERATION(name, doc) &enumeration_##name,
const struct enumeration *const enumerations[] = {
#include "proto/messages.def"
};
const size_t enumeration_count = sizeof(enumerations) / sizeof(enumerations[0]);

#define METHOD(server, name, params, result, doc)                                                  \
    {#server, #name, sizeof(#name) - 1, &shape_##params, &shape_##result, doc},
const struct method methods[METHOD_COUNT] = {
#include "proto/messages.def"
};

#define EVENT(feed, name, params, doc) {#feed, #name, &shape_##params, doc},
const struct event events[EVENT_COUNT] = {
#include "proto/messages.def"
};

#define RPC_ERROR(constant, code, retryable, sentence) [constant] = {code, retryable, sentence},
const struct rpc_error_row rpc_errors[ERROR_COUNT] = {
    [ERROR_NONE] = {"", false, ""},
#include "proto/errors.def"
};

const char *choice_text(const struct enumeration *enumeration, int choice)
{
    return choice > 0 && choice < enumeration->count ? enumeration->words[choice].text : "";
}

int choice_of(const struct enumeration *enumeration, struct str word)
{
    for (int i = 1; i < enumeration->count; i++) {
        if (str_eq_text(word, enumeration->words[i].text))
            return i;
    }
    return 0;
}

enum rpc_error rpc_error_of(struct str code)
{
    for (int i = ERROR_NONE + 1; i < ERROR_COUNT; i++) {
        if (str_eq_text(code, rpc_errors[i].code))
            return (enum rpc_error)i;
    }
    return ERROR_NONE;
}

bool value_eq(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case VALUE_NONE:
        return true;
    case VALUE_INTEGER:
        return a.integer == b.integer;
    case VALUE_DOUBLE:
        return a.number == b.number;
    case VALUE_BOOLEAN:
        return a.boolean == b.boolean;
    case VALUE_STRING:
        return str_eq(a.string, b.string);
    }
    return false;
}
