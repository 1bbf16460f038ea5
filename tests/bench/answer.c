#include "tests/bench/answer.h"

#include <string.h>

#include "tests/bench/data.h"

/* The part of the MessagePack specification that an answer needs. */
enum {
    MSGPACK_NIL = 0xc0,
    MSGPACK_FALSE = 0xc2,
    MSGPACK_TRUE = 0xc3,
    MSGPACK_FLOAT64 = 0xcb,
    MSGPACK_UINT8 = 0xcc,
    MSGPACK_UINT64 = 0xcf,
    MSGPACK_INT8 = 0xd0,
    MSGPACK_INT64 = 0xd3,
    MSGPACK_STR8 = 0xd9,
    MSGPACK_STR16 = 0xda,
    MSGPACK_ARRAY16 = 0xdc,
    MSGPACK_MAP16 = 0xde,
};

static bool read_big_endian(const unsigned char **at, const unsigned char *end, size_t size,
                            uint64_t *ret)
{
    uint64_t number = 0;

    if ((size_t)(end - *at) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (*at)[i];
    *at += size;
    *ret = number;
    return true;
}

static bool read_uint(const unsigned char **at, const unsigned char *end, uint64_t *ret)
{
    if (*at >= end)
        return false;
    unsigned char type = *(*at)++;
    if (type < 0x80) {
        *ret = type;
        return true;
    }
    if (type < MSGPACK_UINT8 || type > MSGPACK_UINT64)
        return false;
    return read_big_endian(at, end, (size_t)1 << (type - MSGPACK_UINT8), ret);
}

static bool read_text(const unsigned char **at, const unsigned char *end, struct str *ret)
{
    uint64_t len;

    if (*at >= end)
        return false;
    unsigned char type = *(*at)++;
    if ((type & 0xe0) == 0xa0)
        len = type & 0x1f;
    else if ((type != MSGPACK_STR8 && type != MSGPACK_STR16) ||
             !read_big_endian(at, end, type == MSGPACK_STR8 ? 1 : 2, &len))
        return false;
    if ((uint64_t)(end - *at) < len)
        return false;
    *ret = str_from(*at, len);
    *at += len;
    return true;
}

/* The head of an array or map: `fix` is its short form's high half byte, `wide` its 16-bit form. */
static bool read_head(const unsigned char **at, const unsigned char *end, unsigned fix,
                      unsigned wide, uint64_t *ret_count)
{
    if (*at >= end)
        return false;
    unsigned type = *(*at)++;
    if ((type & 0xf0) == fix) {
        *ret_count = type & 0x0f;
        return true;
    }
    return type == wide && read_big_endian(at, end, 2, ret_count);
}

/* A value of a key that is not compared: no containers stand in an answer. */
static bool skip(const unsigned char **at, const unsigned char *end)
{
    struct str text;
    uint64_t number;

    if (*at >= end)
        return false;
    unsigned type = **at;
    if (type >= 0xa0 && (type < MSGPACK_NIL || type == MSGPACK_STR8 || type == MSGPACK_STR16))
        return read_text(at, end, &text);
    (*at)++;
    if (type < 0x80 || type >= 0xe0 || type == MSGPACK_NIL || type == MSGPACK_FALSE ||
        type == MSGPACK_TRUE)
        return true;
    if (type == MSGPACK_FLOAT64)
        return read_big_endian(at, end, 8, &number);
    if (type >= MSGPACK_UINT8 && type <= MSGPACK_UINT64)
        return read_big_endian(at, end, (size_t)1 << (type - MSGPACK_UINT8), &number);
    if (type >= MSGPACK_INT8 && type <= MSGPACK_INT64)
        return read_big_endian(at, end, (size_t)1 << (type - MSGPACK_INT8), &number);
    return false;
}

static bool read_bool(const unsigned char **at, const unsigned char *end, bool *ret)
{
    if (*at >= end || (**at != MSGPACK_TRUE && **at != MSGPACK_FALSE))
        return false;
    *ret = *(*at)++ == MSGPACK_TRUE;
    return true;
}

static bool read_member(struct str key, const unsigned char **at, const unsigned char *end,
                        struct answer_read *ret)
{
    struct str reason;

    if (str_eq(key, STR("allow")))
        return read_bool(at, end, &ret->allow);
    if (str_eq(key, STR("granted")))
        return read_uint(at, end, &ret->granted);
    if (str_eq(key, STR("subscription")))
        return read_text(at, end, &ret->subscription);
    if (!str_eq(key, STR("reason")))
        return skip(at, end);
    if (!read_text(at, end, &reason))
        return false;
    ret->is_entitled = str_eq(reason, STR("entitled"));
    return true;
}

bool answer_read_map(const unsigned char **at, const unsigned char *end, struct answer_read *ret)
{
    uint64_t count;

    *ret = (struct answer_read){0};
    if (!read_head(at, end, 0x80, MSGPACK_MAP16, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct str key;
        if (!read_text(at, end, &key) || !read_member(key, at, end, ret))
            return false;
    }
    return true;
}

bool answer_open_response(const unsigned char **at, const unsigned char *end, uint32_t *ret_msgid)
{
    uint64_t count, type, msgid;

    if (!read_head(at, end, 0x90, MSGPACK_ARRAY16, &count) || count != 4 ||
        !read_uint(at, end, &type) || type != 1 || !read_uint(at, end, &msgid) || *at >= end ||
        **at != MSGPACK_NIL)
        return false;
    (*at)++;
    *ret_msgid = (uint32_t)msgid;
    return true;
}

bool answer_open_many(const unsigned char **at, const unsigned char *end, uint32_t *ret_count)
{
    uint64_t members, count;
    struct str key;

    if (!read_head(at, end, 0x80, MSGPACK_MAP16, &members) || members != 1 ||
        !read_text(at, end, &key) || !str_eq(key, STR("answers")) ||
        !read_head(at, end, 0x90, MSGPACK_ARRAY16, &count))
        return false;
    *ret_count = (uint32_t)count;
    return true;
}

bool answer_is_right(const struct answer_read *answer, uint64_t i)
{
    return answer->allow && answer->is_entitled && answer->granted == data_granted(i) &&
           answer->subscription.len > 0;
}
