/* The rows of messages.def, each as
 *
 *   MEMBER(shape, name, is_set, pack)
 *
 * for a function about the shape's struct `m` and a `packer`. Meant to be included several times,
 * with MEMBER, SHAPE_BEGIN and SHAPE_END defined differently. What is empty, zero or false is not
 * set (proto/field.h).
 */
#define TEXT(shape, name, need, limit, doc)                                                        \
    MEMBER(shape, name, m->name.len > 0, text_pack_tight(packer->out, m->name))
#define BIN(shape, name, need, limit, doc)                                                         \
    MEMBER(shape, name, m->name.len > 0, text_pack_tight(packer->out, m->name))
#define BOOL(shape, name, need, doc) MEMBER(shape, name, m->name, (void)0)
#define INT(shape, name, need, fallback, doc)                                                      \
    MEMBER(shape, name, m->name != 0, number_pack_signed(packer->out, m->name))
#define NUM(shape, name, need, fallback, doc)                                                      \
    MEMBER(shape, name, m->name != 0, pack_double(packer->out, m->name))
#define TIME(shape, name, need, doc) MEMBER(shape, name, m->name != 0, pack_time(packer, m->name))
#define VALUE(shape, name, need, doc)                                                              \
    MEMBER(shape, name, m->name.kind != VALUE_NONE, pack_value(packer->out, &m->name, 0))
#define CHOICE(shape, name, need, enumeration, doc)                                                \
    MEMBER(shape, name, m->name != 0, number_pack_signed(packer->out, (int64_t)m->name))
#define STRS(shape, name, need, limit, doc)                                                        \
    MEMBER(shape, name, m->name.count > 0, pack_texts(packer->out, &m->name))
#define ENCODED(shape, name, need, child, limit, doc)                                              \
    MEMBER(shape, name, m->name.count > 0, pack_texts(packer->out, &m->name))
#define ITEM(shape, name, need, child, doc)                                                        \
    MEMBER(shape, name, m->name != NULL, pack_shape_##child(packer, m->name))
#define LIST(shape, name, need, child, limit, doc)                                                 \
    MEMBER(shape, name, m->name.count > 0, pack_list_of_##child(packer, &m->name))
#define ROWS(shape, name, need, child, limit, doc)                                                 \
    MEMBER(shape, name, m->name.count > 0, pack_list_of_##child(packer, &m->name))
#include "proto/messages.def"
#undef MEMBER
