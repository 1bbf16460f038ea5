/* One encoder and one decoder for each shape, expanded from the rows of messages.def.
 *
 * members.h says what a row is for each kind of member. It is included once for each function that
 * a shape has:
 *
 *   measure_SHAPE        which members are there, and how much room they take
 *   write_SHAPE          a map: a key is one constant, head included
 *   write_places_SHAPE   positional values, for parameters and rows
 *   write_options_SHAPE  the pairs that stand behind parameters
 *   complete_SHAPE       refuses what is missing, gives numbers their fallback
 *   read_SHAPE           a map. Members are looked for in the order in which peers write them, and
 *                        again from the first while pairs are left: any order is accepted
 *   read_places_SHAPE    positional values
 *   read_options_SHAPE   the pairs behind them
 *
 * What members are written and read with, whatever shape they are of, is in write.h and read.h.
 */
#include "proto/codec/shapes.h"

#define UNUSED __attribute__((unused))
#define INLINE inline __attribute__((always_inline, unused))

/* Fields have numbers and bits. */
#define SHAPE_BEGIN(shape, doc)  enum {
#define MEMBER(shape, name, ...) AT_##shape##_##name,
#define SHAPE_END(shape)                                                                           \
    AT_END_OF_##shape                                                                              \
    }                                                                                              \
    ;
#include "proto/codec/members.h"
#define BIT(shape, name) (UINT64_C(1) << AT_##shape##_##name)

/* Words stand ready with their heads, as long as the longest: a copy of fixed size writes one. */
enum { WORD_ROOM = 32, SHORT_TEXT = 0xa0 };
struct packed_word {
    unsigned char head;
    char text[WORD_ROOM - 1];
    unsigned char size; /* with the head */
};

static INLINE unsigned char *put_word(unsigned char *at, const struct packed_word *words, int count,
                                      int choice)
{
    const struct packed_word *word = &words[choice > 0 && choice < count ? choice : 0];

    memcpy(at, word, WORD_ROOM);
    return at + word->size;
}

#define ENUMERATION(name, doc)                                                                     \
    static const struct packed_word packed_##name[name##_count] = {{SHORT_TEXT, "", 1},
#define WORD(name, constant, word, doc) {SHORT_TEXT + sizeof(word) - 1, word, sizeof(word)},
#define ENUMERATION_END(name)                                                                      \
    }                                                                                              \
    ;
#include "proto/messages.def"

#define ENUMERATION(name, doc)                                                                     \
    static INLINE unsigned char *put_##name(unsigned char *at, enum name choice)                   \
    {                                                                                              \
        return put_word(at, packed_##name, name##_count, (int)choice);                             \
    }                                                                                              \
    static INLINE int read_choice_##name(struct reader *reader, const char *field,                 \
                                         enum field_need need, enum name *ret)                     \
    {                                                                                              \
        int choice = 0, result = read_choice(reader, field, need, &enumeration_##name, &choice);   \
        *ret = (enum name)choice;                                                                  \
        return result;                                                                             \
    }
#include "proto/messages.def"

/* Shapes name each other, as items and in lists. */
#define SHAPE_BEGIN(shape, doc)                                                                    \
    static write_fn write_##shape, write_row_##shape UNUSED;                                       \
    static read_fn read_##shape, read_row_##shape UNUSED;                                          \
    static INLINE unsigned char *write_list_##shape(                                               \
        struct buf *out, unsigned char *at, const struct shape##_list *list, write_fn *write)      \
    {                                                                                              \
        return write_items(out, at, list->items, list->count, sizeof(struct shape), write);        \
    }                                                                                              \
    static INLINE int read_list_##shape(struct reader *reader, const char *field, size_t limit,    \
                                        read_fn *read, struct shape##_list *ret)                   \
    {                                                                                              \
        void *items = NULL;                                                                        \
        int result =                                                                               \
            read_items(reader, field, limit, sizeof(struct shape), read, &items, &ret->count);     \
        ret->items = items;                                                                        \
        return result;                                                                             \
    }                                                                                              \
    static INLINE int read_item_##shape(struct reader *reader, const char *field,                  \
                                        struct shape **ret)                                        \
    {                                                                                              \
        void *item = NULL;                                                                         \
        int result = read_item(reader, field, sizeof(struct shape), read_##shape, &item);          \
        *ret = item;                                                                               \
        return result;                                                                             \
    }
#include "proto/messages.def"

/* What there is to write of a value. */
struct extent {
    size_t room;   /* of all members, beside what is in lists and items */
    size_t pairs;  /* that a map of them has */
    size_t place;  /* of the positional member looked at last */
    size_t places; /* up to the last that is present */
    size_t options;
};

static INLINE void measure(struct extent *extent, enum field_need need, bool is_present,
                           size_t room)
{
    is_present = is_present || need == REQUIRED;
    extent->room += room;
    extent->pairs += is_present;
    extent->options += need == OPTION && is_present;
    extent->place += need != OPTION;
    if (need != OPTION && is_present)
        extent->places = extent->place;
}

/* The size of a name in quotes is that of the key, whose head takes a byte as the terminator does.
 */
#define SHAPE_BEGIN(shape, doc)                                                                    \
    static INLINE struct extent measure_##shape(const struct shape *m UNUSED)                      \
    {                                                                                              \
        struct extent extent = {.room = 2 * HEAD_ROOM};
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    measure(&extent, need, is_present, sizeof(#name) + HEAD_ROOM + (more_room));
#define SHAPE_END(shape)                                                                           \
    return extent;                                                                                 \
    }
#include "proto/codec/members.h"

struct key {
    unsigned char head;
    char name[WORD_ROOM];
};
#define PUT_KEY(name)                                                                              \
    do {                                                                                           \
        static const struct key key = {SHORT_TEXT + sizeof(#name) - 1, #name};                     \
        memcpy(at, &key, sizeof(#name));                                                           \
        at += sizeof(#name);                                                                       \
    } while (0);

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static unsigned char *write_##shape(struct buf *out, unsigned char *at, const void *value)     \
    {                                                                                              \
        const struct shape *m UNUSED = value;                                                      \
        const struct extent extent = measure_##shape(m);                                           \
        const size_t room = extent.room;                                                           \
        at = put_map(write_room(out, at, room), extent.pairs);
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (need == REQUIRED || (is_present)) {                                                        \
        PUT_KEY(name)                                                                              \
        at = write;                                                                                \
    }
#define SHAPE_END(shape)                                                                           \
    return at;                                                                                     \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static unsigned char *write_places_##shape(struct buf *out UNUSED, unsigned char *at,          \
                                               const struct shape *m UNUSED, size_t places,        \
                                               size_t room UNUSED)                                 \
    {
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (need != OPTION) {                                                                          \
        if (places-- == 0)                                                                         \
            return at;                                                                             \
        at = write;                                                                                \
    }
#define SHAPE_END(shape)                                                                           \
    (void)places;                                                                                  \
    return at;                                                                                     \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static INLINE unsigned char *write_options_##shape(struct buf *out UNUSED, unsigned char *at,  \
                                                       const struct shape *m UNUSED,               \
                                                       size_t room UNUSED)                         \
    {
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (need == OPTION && (is_present)) {                                                          \
        PUT_KEY(name)                                                                              \
        at = write;                                                                                \
    }
#define SHAPE_END(shape)                                                                           \
    return at;                                                                                     \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static unsigned char *write_row_##shape(struct buf *out, unsigned char *at, const void *value) \
    {                                                                                              \
        const struct extent extent = measure_##shape(value);                                       \
        at = put_array(write_room(out, at, extent.room), extent.places);                           \
        return write_places_##shape(out, at, value, extent.places, extent.room);                   \
    }                                                                                              \
    static unsigned char *write_params_##shape(                                                    \
        struct buf *out, unsigned char *at, const void *value, const struct call_options *options) \
    {                                                                                              \
        const struct extent extent = measure_##shape(value);                                       \
        size_t pairs = extent.options + call_option_count(options);                                \
        at = put_array(write_room(out, at, extent.room), extent.places + (pairs > 0));             \
        at = write_places_##shape(out, at, value, extent.places, extent.room);                     \
        if (pairs == 0)                                                                            \
            return at;                                                                             \
        at = write_options_##shape(out, put_map(at, pairs), value, extent.room);                   \
        return write_call_options(out, at, options);                                               \
    }
#include "proto/messages.def"

#define AS_IT_IS (void)0
#define SHAPE_BEGIN(shape, doc)                                                                    \
    static int complete_##shape(const struct reader *reader UNUSED, uint64_t present UNUSED,       \
                                struct shape *m UNUSED)                                            \
    {
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (!(present & BIT(shape, name))) {                                                           \
        if (need == REQUIRED)                                                                      \
            return read_missing(reader, #name);                                                    \
        absent;                                                                                    \
    }
#define SHAPE_END(shape)                                                                           \
    return 0;                                                                                      \
    }
#include "proto/codec/members.h"

#define READ_PAIR(shape, name, read)                                                               \
    if (pairs_has(&pairs, #name, sizeof(#name) - 1, BIT(shape, name)) &&                           \
        pairs_read(reader, &pairs, BIT(shape, name), read) < 0)                                    \
        return -1;

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static int read_##shape(struct reader *reader, void *value)                                    \
    {                                                                                              \
        struct shape *m UNUSED = value;                                                            \
        struct pairs pairs;                                                                        \
        if (pairs_begin(reader, &pairs) < 0)                                                       \
            return -1;                                                                             \
        while (pairs.left > 0) {                                                                   \
            uint32_t left = pairs.left;
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    READ_PAIR(shape, name, read)
#define SHAPE_END(shape)                                                                           \
    if (pairs.left == left && pairs_pass(reader, &pairs) < 0)                                      \
        return -1;                                                                                 \
    }                                                                                              \
    return complete_##shape(reader, pairs.present, m);                                             \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static INLINE int read_options_##shape(struct reader *reader, struct shape *m UNUSED,          \
                                           struct call_options *options, uint64_t *present)        \
    {                                                                                              \
        struct pairs pairs;                                                                        \
        if (pairs_begin(reader, &pairs) < 0)                                                       \
            return -1;                                                                             \
        while (pairs.left > 0) {                                                                   \
            uint32_t left = pairs.left;
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (need == OPTION)                                                                            \
    READ_PAIR(shape, name, read)
#define SHAPE_END(shape)                                                                           \
    if (pairs.left == left && pairs_pass_option(reader, &pairs, options) < 0)                      \
        return -1;                                                                                 \
    }                                                                                              \
    *present |= pairs.present;                                                                     \
    return 0;                                                                                      \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static INLINE int read_places_##shape(struct reader *reader, struct shape *m UNUSED,           \
                                          struct places *places)                                   \
    {                                                                                              \
        if (places_begin(reader, places) < 0)                                                      \
            return -1;
#define MEMBER(shape, name, kind, need, is_present, more_room, write, read, absent)                \
    if (need != OPTION && places_has(reader, places, kind == FIELD_ITEM) &&                        \
        !places_read(places, BIT(shape, name), read))                                              \
        return -1;
#define SHAPE_END(shape)                                                                           \
    return places_pass(reader, places);                                                            \
    }
#include "proto/codec/members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static int read_params_##shape(struct reader *reader, void *value,                             \
                                   struct call_options *options)                                   \
    {                                                                                              \
        struct places places;                                                                      \
        if (read_places_##shape(reader, value, &places) < 0 ||                                     \
            (places.has_options &&                                                                 \
             read_options_##shape(reader, value, options, &places.present) < 0))                   \
            return -1;                                                                             \
        return complete_##shape(reader, places.present, value);                                    \
    }                                                                                              \
    static int read_row_##shape(struct reader *reader, void *value)                                \
    {                                                                                              \
        return read_params_##shape(reader, value, NULL);                                           \
    }
#include "proto/messages.def"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    [SHAPE_##shape] = {write_##shape, write_params_##shape, read_##shape, read_params_##shape},
const struct coder coders[SHAPE_COUNT] = {
#include "proto/messages.def"
};
