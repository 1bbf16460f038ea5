/* From bytes to msgpack-c's objects, with the guard that msgpack-c lacks: it allocates for the
 * count an array or map announces, so the counts are held against the bytes first. */
#include "proto/codec/internal.h"

#include "common/base/mem.h"

struct cursor {
    const unsigned char *at;
    size_t left;
};

static bool skip(struct cursor *cursor, size_t len)
{
    if (cursor->left < len)
        return false;
    cursor->at += len;
    cursor->left -= len;
    return true;
}

/* A big-endian number of `width` bytes. */
static bool read_length(struct cursor *cursor, size_t width, size_t *ret_length)
{
    size_t length = 0;

    if (cursor->left < width)
        return false;
    for (size_t i = 0; i < width; i++)
        length = length << 8 | cursor->at[i];
    *ret_length = length;
    return skip(cursor, width);
}

static bool skip_counted(struct cursor *cursor, size_t width, size_t extra)
{
    size_t length;

    return read_length(cursor, width, &length) && skip(cursor, length) && skip(cursor, extra);
}

/* Passes one token; *ret_children: how many objects follow as its parts. The first bytes are those
 * of the MessagePack specification, "Formats". */
static bool skip_token(struct cursor *cursor, size_t *ret_children)
{
    static const unsigned char fixed[32] = {
        [0xca - 0xc0] = 4, [0xcb - 0xc0] = 8, [0xcc - 0xc0] = 1,  [0xcd - 0xc0] = 2,
        [0xce - 0xc0] = 4, [0xcf - 0xc0] = 8, [0xd0 - 0xc0] = 1,  [0xd1 - 0xc0] = 2,
        [0xd2 - 0xc0] = 4, [0xd3 - 0xc0] = 8, [0xd4 - 0xc0] = 2,  [0xd5 - 0xc0] = 3,
        [0xd6 - 0xc0] = 5, [0xd7 - 0xc0] = 9, [0xd8 - 0xc0] = 17,
    };
    unsigned char first;

    *ret_children = 0;
    if (cursor->left == 0)
        return false;
    first = *cursor->at;
    skip(cursor, 1);

    if (first < 0x80 || first >= 0xe0)
        return true; /* fixint */
    if (first < 0x90) {
        *ret_children = 2 * (size_t)(first & 0x0f);
        return true;
    }
    if (first < 0xa0) {
        *ret_children = first & 0x0f;
        return true;
    }
    if (first < 0xc0)
        return skip(cursor, first & 0x1f); /* fixstr */

    switch (first) {
    case 0xc1:
        return false; /* never used */
    case 0xc4:
    case 0xd9:
        return skip_counted(cursor, 1, 0);
    case 0xc5:
    case 0xda:
        return skip_counted(cursor, 2, 0);
    case 0xc6:
    case 0xdb:
        return skip_counted(cursor, 4, 0);
    case 0xc7:
        return skip_counted(cursor, 1, 1);
    case 0xc8:
        return skip_counted(cursor, 2, 1);
    case 0xc9:
        return skip_counted(cursor, 4, 1);
    case 0xdc:
        return read_length(cursor, 2, ret_children);
    case 0xdd:
        return read_length(cursor, 4, ret_children);
    case 0xde:
    case 0xdf:
        if (!read_length(cursor, first == 0xde ? 2 : 4, ret_children))
            return false;
        *ret_children *= 2;
        return true;
    default:
        return skip(cursor, fixed[first - 0xc0]);
    }
}

/* One whole object and nothing behind it, every count within the bytes that are there. */
static bool counts_fit(struct str bytes)
{
    struct cursor cursor = {(const unsigned char *)bytes.ptr, bytes.len};
    size_t wanted = 1;

    while (wanted > 0) {
        size_t children;
        if (!skip_token(&cursor, &children) || children > cursor.left)
            return false;
        wanted += children - 1;
        if (wanted > cursor.left)
            return false;
    }
    return cursor.left == 0;
}

static void destroy_unpacked(void *arg)
{
    msgpack_unpacked_destroy(arg);
}

int codec_unpack(struct str bytes, struct arena *arena, const msgpack_object **ret_object,
                 struct error *error)
{
    if (!counts_fit(bytes))
        return error_set(error, "not one whole MessagePack object");

    msgpack_unpacked *unpacked = arena_alloc(arena, sizeof(*unpacked));
    msgpack_unpacked_init(unpacked);
    arena_defer(arena, destroy_unpacked, unpacked);

    size_t offset = 0;
    msgpack_unpack_return result = msgpack_unpack_next(unpacked, bytes.ptr, bytes.len, &offset);
    if (result != MSGPACK_UNPACK_SUCCESS)
        return error_set(error, "nested deeper than a message may be");
    *ret_object = &unpacked->data;
    return 0;
}

struct str codec_object_str(const msgpack_object *object)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return STR_NONE;
    return str_from(object->via.str.ptr, object->via.str.size);
}

const msgpack_object *codec_map_get(const msgpack_object *map, const char *key)
{
    if (map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_STR && str_eq_text(codec_object_str(&pair->key), key))
            return &pair->val;
    }
    return NULL;
}
