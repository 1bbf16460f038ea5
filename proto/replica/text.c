#include "proto/replica/text.h"

#include "common/base/hash.h"
#include "proto/record/record.h"

/* Behind TEXT_LONG (text.h). */
enum {
    TAG_LICENSE = 0x80,
    TAG_ID,
    TAG_UUID,
    TAG_ACCOUNT,
    TAG_SIX, /* six bits for each character; this and all above tell how many */
};

enum { LICENSE_LEN = 34, UUID_LEN = 36, ACCOUNT_LEN = 12 };
enum { SIX_LEN_MIN = 8, SIX_LEN_MAX = SIX_LEN_MIN + UINT8_MAX - TAG_SIX };
/* Of 64 bits, in groups of seven. */
enum { NUMBER_BYTES_MAX = 10 };
enum { LICENSE_BYTES = 16, ID_BYTES = 8, UUID_BYTES = 16, ACCOUNT_BYTES = 5 };

/* "00", "01", ... "ff" */
#define PAIRS(d)                                                                                   \
    d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9" d "a" d "b" d "c" d "d" d "e" d "f"
static const char hex_pairs[] =
    PAIRS("0") PAIRS("1") PAIRS("2") PAIRS("3") PAIRS("4") PAIRS("5") PAIRS("6") PAIRS("7")
        PAIRS("8") PAIRS("9") PAIRS("a") PAIRS("b") PAIRS("c") PAIRS("d") PAIRS("e") PAIRS("f");

/* A digit's value and this bit; 0: no digit. */
enum { IS_DIGIT = 0x10 };

static const unsigned char hex_values[256] = {
    ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
    ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['a'] = 0x1a, ['b'] = 0x1b,
    ['c'] = 0x1c, ['d'] = 0x1d, ['e'] = 0x1e, ['f'] = 0x1f,
};

static bool pack_hex(const char *digits, size_t bytes, unsigned char *to)
{
    unsigned all = IS_DIGIT;

    for (size_t i = 0; i < bytes; i++) {
        unsigned high = hex_values[(unsigned char)digits[2 * i]];
        unsigned low = hex_values[(unsigned char)digits[2 * i + 1]];
        all &= high & low;
        to[i] = (unsigned char)(high << 4 | (low & 0xf));
    }
    return all & IS_DIGIT;
}

static inline void unpack_hex(const unsigned char *from, size_t bytes, char *digits)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < bytes; i++)
        memcpy(digits + 2 * i, hex_pairs + 2 * (size_t)from[i], 2);
}

/* The parts of a UUID's text, as bytes (RFC 4122, section 3). */
static const unsigned char uuid_parts[] = {4, 2, 2, 2, 6};

static bool pack_uuid(const char *text, unsigned char *to)
{
    for (size_t i = 0; i < sizeof(uuid_parts); i++) {
        if (!pack_hex(text, uuid_parts[i], to))
            return false;
        to += uuid_parts[i];
        text += 2 * uuid_parts[i];
        if (i + 1 < sizeof(uuid_parts) && *text++ != '-')
            return false;
    }
    return true;
}

static void unpack_uuid(const unsigned char *from, char *text)
{
    for (size_t i = 0; i < sizeof(uuid_parts); i++) {
        unpack_hex(from, uuid_parts[i], text);
        from += uuid_parts[i];
        text += 2 * uuid_parts[i];
        if (i + 1 < sizeof(uuid_parts))
            *text++ = '-';
    }
}

static bool pack_account(const char *text, unsigned char *to)
{
    uint64_t number = 0;

    for (int i = 0; i < ACCOUNT_LEN; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9)
            return false;
        number = number * 10 + digit;
    }
    for (int i = 0; i < ACCOUNT_BYTES; i++)
        to[i] = (unsigned char)(number >> 8 * i);
    return true;
}

static void unpack_account(const unsigned char *from, char *text)
{
    uint64_t number = 0;

    for (int i = 0; i < ACCOUNT_BYTES; i++)
        number |= (uint64_t)from[i] << 8 * i;
    for (int i = ACCOUNT_LEN - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* The tag of a text that has a form of fixed size, its bytes in `small`; else 0. */
static unsigned char pack_fixed(struct str text, unsigned char small[TEXT_SMALL])
{
    const char *at = text.ptr;

    switch (text.len) {
    case LICENSE_LEN:
        return at[0] == 'l' && at[1] == '-' && pack_hex(at + 2, LICENSE_BYTES, small) ? TAG_LICENSE
                                                                                      : 0;
    case TEXT_ID_LEN:
        return at[0] == 's' && at[1] == '-' && pack_hex(at + 2, ID_BYTES, small) ? TAG_ID : 0;
    case UUID_LEN:
        return pack_uuid(at, small) ? TAG_UUID : 0;
    case ACCOUNT_LEN:
        return pack_account(at, small) ? TAG_ACCOUNT : 0;
    default:
        return 0;
    }
}

static size_t fixed_bytes(unsigned char tag)
{
    static const unsigned char bytes[] = {LICENSE_BYTES, ID_BYTES, UUID_BYTES, ACCOUNT_BYTES};

    return bytes[tag - TAG_LICENSE];
}

static size_t unpack_fixed(unsigned char tag, const unsigned char *from, char *text)
{
    switch (tag) {
    case TAG_LICENSE:
    case TAG_ID:
        text[0] = tag == TAG_ID ? 's' : 'l';
        text[1] = '-';
        unpack_hex(from, fixed_bytes(tag), text + 2);
        return 2 + 2 * fixed_bytes(tag);
    case TAG_UUID:
        unpack_uuid(from, text);
        return UUID_LEN;
    default:
        unpack_account(from, text);
        return ACCOUNT_LEN;
    }
}

void number_pack(struct buf *out, uint64_t number)
{
    unsigned char *place = buf_room(out, NUMBER_BYTES_MAX);
    size_t len = 0;

    while (number >= 0x80) {
        place[len++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    place[len++] = (unsigned char)number;
    buf_grew(out, len);
}

void number_pack_signed(struct buf *out, int64_t number)
{
    number_pack(out, (uint64_t)number << 1 ^ -((uint64_t)number >> 63));
}

void narrow_pack(struct buf *out, int64_t number)
{
    uint32_t near = number >= 0 && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;

    buf_append(out, &near, sizeof(near));
    if (near == UINT32_MAX)
        buf_append(out, &number, sizeof(number));
}

static void pack_plain(struct buf *out, struct str text)
{
    if (text.len < TEXT_LONG) {
        buf_append_char(out, (char)text.len);
    } else {
        buf_append_char(out, TEXT_LONG);
        number_pack(out, text.len);
    }
    buf_append_str(out, text);
}

static void pack_small(struct buf *out, unsigned char tag, const unsigned char small[TEXT_SMALL])
{
    unsigned char *place = buf_room(out, 1 + TEXT_SMALL);

    place[0] = tag;
    memcpy(place + 1, small, TEXT_SMALL);
    buf_grew(out, 1 + fixed_bytes(tag));
}

void text_pack(struct buf *out, struct str text)
{
    unsigned char small[TEXT_SMALL];
    unsigned char tag = pack_fixed(text, small);

    if (tag)
        pack_small(out, tag, small);
    else
        pack_plain(out, text);
}

/* The characters of ids: RFC 4648, section 5. */
static const char six_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* One more than a character's value; 0: none of them. */
static const unsigned char six_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

static size_t six_len(unsigned char tag)
{
    return (size_t)tag - TAG_SIX + SIX_LEN_MIN;
}

static size_t six_bytes(size_t len)
{
    return (len * 6 + 7) / 8;
}

static bool is_six(struct str text)
{
    if (text.len < SIX_LEN_MIN || text.len > SIX_LEN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (six_values[(unsigned char)text.ptr[i]] == 0)
            return false;
    }
    return true;
}

static void pack_six(struct buf *out, struct str text)
{
    size_t size = 1 + six_bytes(text.len);
    unsigned char *to = buf_room(out, size);
    unsigned bits = 0, held = 0;

    *to++ = (unsigned char)(TAG_SIX + text.len - SIX_LEN_MIN);
    for (size_t i = 0; i < text.len; i++) {
        held = held << 6 | (six_values[(unsigned char)text.ptr[i]] - 1u);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *to++ = (unsigned char)(held >> bits);
        }
    }
    if (bits > 0)
        *to = (unsigned char)(held << (8 - bits));
    buf_grew(out, size);
}

static void unpack_six(const unsigned char *from, size_t len, char *text)
{
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < len; i++) {
        if (bits < 6) {
            held = held << 8 | *from++;
            bits += 8;
        }
        bits -= 6;
        text[i] = six_characters[held >> bits & 0x3f];
    }
}

void text_pack_tight(struct buf *out, struct str text)
{
    unsigned char small[TEXT_SMALL];
    unsigned char tag = pack_fixed(text, small);

    if (tag)
        pack_small(out, tag, small);
    else if (is_six(text))
        pack_six(out, text);
    else
        pack_plain(out, text);
}

/* The length of what stands behind the tag as it is; advances *at to it. */
static size_t plain_len(unsigned char tag, const unsigned char **at)
{
    return tag < TEXT_LONG ? tag : number_unpack(at);
}

const unsigned char *text_end(const unsigned char *packed)
{
    unsigned char tag = *packed++;
    size_t len;

    if (tag <= TEXT_LONG)
        len = plain_len(tag, &packed);
    else if (tag >= TAG_SIX)
        len = six_bytes(six_len(tag));
    else
        len = fixed_bytes(tag);
    return packed + len;
}

struct str text_unpack(const unsigned char **at, struct arena *arena)
{
    unsigned char tag = *(*at)++;
    char fixed[UUID_LEN];
    struct str text;

    if (tag <= TEXT_LONG) {
        size_t len = plain_len(tag, at);
        text = len > 0 ? arena_str(arena, str_from(*at, len)) : STR_NONE;
        *at += len;
    } else if (tag >= TAG_SIX) {
        size_t len = six_len(tag);
        char *place = arena_alloc(arena, len + 1);
        unpack_six(*at, len, place);
        text = str_from(place, len);
        *at += six_bytes(len);
    } else {
        size_t len = unpack_fixed(tag, *at, fixed);
        text = arena_str(arena, str_from(fixed, len));
        *at += fixed_bytes(tag);
    }
    return text;
}

const unsigned char *text_peek(const unsigned char *packed, struct str *ret_text)
{
    unsigned char tag = *packed++;

    if (tag > TEXT_LONG)
        return NULL;
    size_t len = plain_len(tag, &packed);
    *ret_text = str_from(packed, len);
    return packed + len;
}

bool text_unpack_id(const unsigned char **at, char place[TEXT_ID_LEN])
{
    if (**at != TAG_ID)
        return false;
    place[0] = 's';
    place[1] = '-';
    unpack_hex(*at + 1, ID_BYTES, place + 2);
    *at += 1 + ID_BYTES;
    return true;
}

int text_compare(const unsigned char *packed, struct str text)
{
    unsigned char tag = *packed++;
    char fixed[UUID_LEN];

    if (tag <= TEXT_LONG) {
        size_t len = plain_len(tag, &packed);
        return str_compare(str_from(packed, len), text);
    }
    return str_compare(str_from(fixed, unpack_fixed(tag, packed, fixed)), text);
}

static uint32_t hash_payload(unsigned char tag, const unsigned char *payload, size_t len,
                             uint64_t seed)
{
    uint64_t hash = hash_bytes(payload, len, seed ^ tag);

    return (uint32_t)(hash >> 32 ^ hash);
}

void handle_set(struct handle *handle, struct str text, uint64_t seed)
{
    struct str key = text;

    handle->text = text;
    handle->tag = pack_fixed(key, handle->small);
    /* What has a fixed form is its own key. */
    if (!handle->tag) {
        key = handle_key(text);
        if (key.len != text.len)
            handle->tag = pack_fixed(key, handle->small);
    }
    handle->is_spelling = key.len != text.len;
    if (handle->tag) {
        handle->payload = handle->small;
        handle->len = fixed_bytes(handle->tag);
    } else {
        handle->tag = key.len < TEXT_LONG ? (unsigned char)key.len : TEXT_LONG;
        handle->payload = (const unsigned char *)key.ptr;
        handle->len = key.len;
    }
    handle->hash = hash_payload(handle->tag, handle->payload, handle->len, seed);
}

bool handle_matches_long(const struct handle *handle, const unsigned char *packed)
{
    const unsigned char *payload = packed + 1;

    return number_unpack(&payload) == handle->len &&
           memcmp(payload, handle->payload, handle->len) == 0;
}

uint32_t text_hash(const unsigned char **at, uint64_t seed)
{
    const unsigned char *payload = *at + 1;
    unsigned char tag = **at;
    size_t len = tag <= TEXT_LONG ? plain_len(tag, &payload) : fixed_bytes(tag);

    *at = payload + len;
    return hash_payload(tag, payload, len, seed);
}
