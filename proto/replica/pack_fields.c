/* What a compact record keeps of fields that it does not know by name: a bit for each that is
 * present, then those. Expanded for each shape from the rows of messages.def; unpack.c reads it by
 * the table of the same rows. */
#include "proto/replica/pack_internal.h"

#define UNUSED __attribute__((unused))

static void pack_byte(struct buf *out, unsigned byte)
{
    *buf_room(out, 1) = (unsigned char)byte;
    buf_grew(out, 1);
}

static unsigned width_of(int64_t integer)
{
    unsigned log = integer == (int8_t)integer    ? 0
                   : integer == (int16_t)integer ? 1
                   : integer == (int32_t)integer ? 2
                                                 : 3;

    return log << PACKED_WIDTH_AT;
}

/* Of the lowest bytes so many; the machine has them first. */
static void pack_integer(struct buf *out, int64_t integer, unsigned width)
{
    memcpy(buf_room(out, sizeof(integer)), &integer, sizeof(integer));
    buf_grew(out, width);
}

/* The value's kind and more flags in one byte, then the value. */
void pack_value(struct buf *out, const struct value *value, unsigned flags)
{
    flags |= value->kind;
    if (value->kind == VALUE_BOOLEAN && value->boolean)
        flags |= PACKED_TRUE;
    if (value->kind == VALUE_INTEGER)
        flags |= width_of(value->integer);
    pack_byte(out, flags);
    if (value->kind == VALUE_INTEGER)
        pack_integer(out, value->integer, packed_width(flags));
    else if (value->kind == VALUE_DOUBLE)
        buf_append(out, &value->number, sizeof(value->number));
    else if (value->kind == VALUE_STRING)
        text_pack_tight(out, value->string);
}

void pack_texts(struct buf *out, const struct str_list *list)
{
    number_pack(out, list->count);
    for (size_t i = 0; i < list->count; i++)
        text_pack(out, list->items[i]);
}

static void pack_double(struct buf *out, double number)
{
    memcpy(buf_room(out, sizeof(number)), &number, sizeof(number));
    buf_grew(out, sizeof(number));
}

static void pack_time(const struct packer *packer, int64_t time_s)
{
    number_pack_signed(packer->out, (int64_t)((uint64_t)time_s - (uint64_t)packer->near_s));
}

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static void pack_shape_##shape(const struct packer *packer, const struct shape *m) UNUSED;     \
    static void pack_list_of_##shape(const struct packer *packer, const struct shape##_list *list) \
        UNUSED;                                                                                    \
    enum {
#define MEMBER(shape, name, is_set, pack) AT_##shape##_##name,
#define SHAPE_END(shape)                                                                           \
    AT_END_OF_##shape                                                                              \
    }                                                                                              \
    ;
#include "proto/replica/pack_members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static uint64_t present_in_##shape(const struct shape *m UNUSED)                               \
    {                                                                                              \
        uint64_t present = 0;
#define MEMBER(shape, name, is_set, pack) present |= (uint64_t)(is_set) << AT_##shape##_##name;
#define SHAPE_END(shape)                                                                           \
    return present;                                                                                \
    }
#include "proto/replica/pack_members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static void pack_shape_##shape(const struct packer *packer, const struct shape *m)             \
    {                                                                                              \
        uint64_t present = present_in_##shape(m);                                                  \
        number_pack(packer->out, present);
#define MEMBER(shape, name, is_set, pack)                                                          \
    if (present >> AT_##shape##_##name & 1)                                                        \
        pack;
#define SHAPE_END(shape) }
#include "proto/replica/pack_members.h"

#define SHAPE_BEGIN(shape, doc)                                                                    \
    static void pack_list_of_##shape(const struct packer *packer, const struct shape##_list *list) \
    {                                                                                              \
        number_pack(packer->out, list->count);                                                     \
        for (size_t i = 0; i < list->count; i++)                                                   \
            pack_shape_##shape(packer, &list->items[i]);                                           \
    }
#include "proto/messages.def"

void pack_fields_of_subscription(const struct packer *packer, const struct subscription *record)
{
    pack_shape_subscription(packer, record);
}

void pack_fields_of_override(const struct packer *packer, const struct override *override)
{
    pack_shape_override(packer, override);
}
