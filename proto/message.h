/* Structs and tables expanded from messages.def and errors.def.
 *
 * A decoded message borrows its texts from the bytes it was decoded from and its lists from an
 * arena; codec_copy() keeps one. Absent texts are empty, absent lists have no items, absent items
 * are NULL, absent times are 0.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

enum { PROTOCOL_MAJOR = 1, PROTOCOL_MINOR = 0 };

/* An entitlement's value; exactly one of AWS's members IntegerValue, DoubleValue, BooleanValue,
 * StringValue (GetEntitlements API reference). */
enum value_kind { VALUE_NONE, VALUE_INTEGER, VALUE_DOUBLE, VALUE_BOOLEAN, VALUE_STRING };

struct value {
    enum value_kind kind;
    union {
        int64_t integer;
        double number;
        bool boolean;
        struct str string;
    };
};

struct str_list {
    struct str *items;
    size_t count;
};

#define ENUMERATION(name, doc)          enum name { name##_none,
#define WORD(name, constant, word, doc) constant,
#define ENUMERATION_END(name)                                                                      \
    name##_count                                                                                   \
    }                                                                                              \
    ;
#include "proto/messages.def"

#define SHAPE_BEGIN(shape, doc)                       struct shape {
#define TEXT(shape, name, need, limit, doc)           struct str name;
#define BIN(shape, name, need, limit, doc)            struct str name;
#define BOOL(shape, name, need, doc)                  bool name;
#define INT(shape, name, need, fallback, doc)         int64_t name;
#define NUM(shape, name, need, fallback, doc)         double name;
#define TIME(shape, name, need, doc)                  int64_t name;
#define VALUE(shape, name, need, doc)                 struct value name;
#define CHOICE(shape, name, need, enumeration, doc)   enum enumeration name;
#define STRS(shape, name, need, limit, doc)           struct str_list name;
#define ITEM(shape, name, need, child, doc)           struct child *name;
#define LIST(shape, name, need, child, limit, doc)    struct child##_list name;
#define ROWS(shape, name, need, child, limit, doc)    struct child##_list name;
#define ENCODED(shape, name, need, child, limit, doc) struct str_list name;
#define SHAPE_END(shape)                                                                           \
    }                                                                                              \
    ;                                                                                              \
    struct shape##_list {                                                                          \
        struct shape *items;                                                                       \
        size_t count;                                                                              \
    };
#include "proto/messages.def"

#define RPC_ERROR(constant, code, retryable, sentence) constant,
enum rpc_error {
    ERROR_NONE,
#include "proto/errors.def"
    ERROR_COUNT
};

#define METHOD(server, name, params, result, doc) METHOD_##server##_##name,
enum method_id {
#include "proto/messages.def"
    METHOD_COUNT
};

#define EVENT(feed, name, params, doc) EVENT_##feed##_##name,
enum event_id {
#include "proto/messages.def"
    EVENT_COUNT
};

/* The tables: for documents, tests, JSON and packed records. The codec is made of the same
 * rows. */

struct word {
    const char *text;
    const char *doc;
};

struct enumeration {
    const char *name;
    const char *doc;
    const struct word *words; /* [0] stands for none and has no text */
    int count;
};

enum field_kind {
    FIELD_TEXT,
    FIELD_BIN,
    FIELD_BOOL,
    FIELD_INT,
    FIELD_NUM,
    FIELD_TIME,
    FIELD_VALUE,
    FIELD_CHOICE,
    FIELD_STRS,
    FIELD_ITEM,
    FIELD_LIST,
    FIELD_ROWS,
    FIELD_ENCODED,
};

enum field_need { REQUIRED, OPTIONAL, OPTION };

/* More would not fit into the sets of fields that the codec keeps. */
enum { SHAPE_FIELDS_MAX = 64 };

struct field {
    const char *name;
    size_t name_len;
    enum field_kind kind;
    enum field_need need;
    size_t offset;
    size_t limit;    /* bytes of a text, items of a list */
    double fallback; /* of an absent number */
    const struct shape *child;
    const struct enumeration *enumeration;
    const char *doc;
};

#define SHAPE_BEGIN(shape, doc) SHAPE_##shape,
enum shape_number {
    SHAPE_NONE, /* not of messages.def: the codec does not know it */
#include "proto/messages.def"
    SHAPE_COUNT
};

struct shape {
    enum shape_number number;
    const char *name;
    const char *doc;
    size_t size; /* of the struct */
    const struct field *fields;
    size_t field_count;
};

struct method {
    const char *server;
    const char *name;
    size_t name_len;
    const struct shape *params;
    const struct shape *result;
    const char *doc;
};

struct event {
    const char *feed;
    const char *name;
    const struct shape *params;
    const char *doc;
};

struct rpc_error_row {
    const char *code;
    bool retryable;
    const char *sentence;
};

#define SHAPE_BEGIN(name, doc) extern const struct shape shape_##name;
#include "proto/messages.def"
#define ENUMERATION(name, doc) extern const struct enumeration enumeration_##name;
#include "proto/messages.def"

extern const struct shape *const shapes[];
extern const size_t shape_count;
extern const struct enumeration *const enumerations[];
extern const size_t enumeration_count;
extern const struct method methods[METHOD_COUNT];
extern const struct event events[EVENT_COUNT];
extern const struct rpc_error_row rpc_errors[ERROR_COUNT];

/* The word of a choice ("" for none), and the choice of a word (0 if it is not one). */
const char *choice_text(const struct enumeration *enumeration, int choice);
int choice_of(const struct enumeration *enumeration, struct str word);
enum rpc_error rpc_error_of(struct str code); /* ERROR_NONE if unknown */

bool value_eq(struct value a, struct value b);

#endif
