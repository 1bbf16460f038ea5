/* The rows of messages.def, each as
 *
 *   MEMBER(shape, name, kind, need, is_present, room, write, read, absent)
 *
 * for a function about the shape's struct `m`: its kind and need; whether there is something to
 * write; the room that takes beside a key and a head; the place behind it once it is written `at` a
 * place of `out`; what reading it with `reader` says; and what an absent one becomes. Meant to be
 * included several times, with MEMBER, SHAPE_BEGIN and SHAPE_END defined differently. `room` is
 * what write_room() asks for after a list or an item, for the members behind it.
 */
#define TEXT(shape, name, need, limit, doc)                                                        \
    MEMBER(shape, name, FIELD_TEXT, need, m->name.len > 0, m->name.len, put_text(at, m->name),     \
           read_text(reader, #name, limit, &m->name), AS_IT_IS)
#define BIN(shape, name, need, limit, doc)                                                         \
    MEMBER(shape, name, FIELD_BIN, need, m->name.len > 0, m->name.len, put_binary(at, m->name),    \
           read_binary(reader, #name, limit, &m->name), AS_IT_IS)
#define BOOL(shape, name, need, doc)                                                               \
    MEMBER(shape, name, FIELD_BOOL, need, m->name, 0, put_boolean(at, m->name),                    \
           read_boolean(reader, #name, &m->name), AS_IT_IS)
#define INT(shape, name, need, fallback, doc)                                                      \
    MEMBER(shape, name, FIELD_INT, need, m->name != (fallback), 0, put_integer(at, m->name),       \
           read_integer(reader, #name, &m->name), m->name = (fallback))
#define NUM(shape, name, need, fallback, doc)                                                      \
    MEMBER(shape, name, FIELD_NUM, need, m->name != (fallback), 0, put_number(at, m->name),        \
           read_number(reader, #name, &m->name), m->name = (fallback))
#define TIME(shape, name, need, doc)                                                               \
    MEMBER(shape, name, FIELD_TIME, need, m->name != 0, 0, put_integer(at, m->name),               \
           read_integer(reader, #name, &m->name), AS_IT_IS)
#define VALUE(shape, name, need, doc)                                                              \
    MEMBER(shape, name, FIELD_VALUE, need, m->name.kind != VALUE_NONE, room_of_value(&m->name),    \
           put_value(at, &m->name), read_value(reader, #name, &m->name), AS_IT_IS)
#define CHOICE(shape, name, need, enumeration, doc)                                                \
    MEMBER(shape, name, FIELD_CHOICE, need, m->name != 0, WORD_ROOM,                               \
           put_##enumeration(at, m->name),                                                         \
           read_choice_##enumeration(reader, #name, need, &m->name), AS_IT_IS)
#define STRS(shape, name, need, limit, doc)                                                        \
    MEMBER(shape, name, FIELD_STRS, need, m->name.count > 0, 0,                                    \
           write_room(out, write_texts(out, at, &m->name), room),                                  \
           read_texts(reader, #name, limit, &m->name), AS_IT_IS)
#define ENCODED(shape, name, need, child, limit, doc)                                              \
    MEMBER(shape, name, FIELD_ENCODED, need, m->name.count > 0, 0,                                 \
           write_room(out, write_encoded(out, at, &m->name), room),                                \
           read_encoded(reader, #name, limit, &m->name), AS_IT_IS)
#define ITEM(shape, name, need, child, doc)                                                        \
    MEMBER(shape, name, FIELD_ITEM, need, m->name != NULL, 0,                                      \
           write_room(out, write_item(out, at, m->name, write_##child), room),                     \
           read_item_##child(reader, #name, &m->name), AS_IT_IS)
#define LIST(shape, name, need, child, limit, doc)                                                 \
    MEMBER(shape, name, FIELD_LIST, need, m->name.count > 0, 0,                                    \
           write_room(out, write_list_##child(out, at, &m->name, write_##child), room),            \
           read_list_##child(reader, #name, limit, read_##child, &m->name), AS_IT_IS)
#define ROWS(shape, name, need, child, limit, doc)                                                 \
    MEMBER(shape, name, FIELD_ROWS, need, m->name.count > 0, 0,                                    \
           write_room(out, write_list_##child(out, at, &m->name, write_row_##child), room),        \
           read_list_##child(reader, #name, limit, read_row_##child, &m->name), AS_IT_IS)
#include "proto/messages.def"
#undef MEMBER
