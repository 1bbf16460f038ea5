#include "proto/replica/text.h"

#include <endian.h>

#include "common/base/hash.h"
#include "proto/record/record.h"

/* Behind TEXT_LONG (text.h). */
enum {
    TAG_LICENSE = TEXT_LICENSE,
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

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The values of eight digits, a byte each, the first one's lowest. Adds to *bad what is wrong with
 * them. */
static inline uint64_t hex_values(uint64_t digits, uint64_t *bad)
{
    uint64_t is_letter = digits >> 6 & EACH_BYTE(1);
    uint64_t values = (digits & EACH_BYTE(0x0f)) + is_letter * 9;
    uint64_t is_above_9 = (values + EACH_BYTE(6)) >> 4 & EACH_BYTE(1);
    uint64_t written = EACH_BYTE('0') + values + is_letter * ('a' - '0' - 10);

    *bad |= (written ^ digits) | (is_above_9 ^ is_letter) | (values & EACH_BYTE(0xf0));
    return values;
}

/* Each two values become one of the four bytes in front. */
static inline uint32_t join_values(uint64_t values)
{
    values = (values << 4 | values >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    values = (values | values >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(values | values >> 16);
}

/* So many bytes, four at once, of twice as many digits. */
static inline bool pack_hex(const char *digits, size_t bytes, unsigned char *to)
{
    enum { BYTES = 4, DIGITS = 2 * BYTES };
    uint64_t bad = 0;

#pragma GCC unroll 4
    for (size_t i = 0; i < bytes / BYTES; i++) {
        uint64_t group;
        memcpy(&group, digits + i * DIGITS, DIGITS);
        uint32_t joined = htole32(join_values(hex_values(le64toh(group), &bad)));
        memcpy(to + i * BYTES, &joined, BYTES);
    }
    return bad == 0;
}

static inline void unpack_hex(const unsigned char *from, size_t bytes, char *digits)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < bytes; i++)
        memcpy(digits + 2 * i, hex_pairs + 2 * (size_t)from[i], 2);
}

/* The parts of a UUID's text, as bytes (RFC 4122, section 3). */
static const unsigned char uuid_parts[] = {4, 2, 2, 2, 6};

/* Its digits stand together first. */
static bool pack_uuid(const char *text, unsigned char *to)
{
    char digits[2 * UUID_BYTES];
    size_t at = 0;

    for (size_t i = 0; i < sizeof(uuid_parts); i++) {
        memcpy(digits + at, text, 2 * uuid_parts[i]);
        at += 2 * uuid_parts[i];
        text += 2 * uuid_parts[i];
        if (i + 1 < sizeof(uuid_parts) && *text++ != '-')
            return false;
    }
    return pack_hex(digits, UUID_BYTES, to);
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

static unsigned char pack_fixed_len(struct str text, unsigned char small[TEXT_SMALL])
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

/* The tag of a text that has a form of fixed size, its bytes in `small`; else 0. */
static inline unsigned char pack_fixed(struct str text, unsigned char small[TEXT_SMALL])
{
    const uint64_t lengths = UINT64_C(1) << LICENSE_LEN | UINT64_C(1) << TEXT_ID_LEN |
                             UINT64_C(1) << UUID_LEN | UINT64_C(1) << ACCOUNT_LEN;

    return text.len < 64 && lengths >> text.len & 1 ? pack_fixed_len(text, small) : 0;
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
    unsigned char *place = buf_room(out, sizeof(near) + sizeof(number));

    memcpy(place, &near, sizeof(near));
    memcpy(place + sizeof(near), &number, sizeof(number));
    buf_grew(out, near == UINT32_MAX ? sizeof(near) + sizeof(number) : sizeof(near));
}

static void pack_plain(struct buf *out, struct str text)
{
    unsigned char *place = buf_room(out, 1 + NUMBER_BYTES_MAX + text.len);

    if (text.len < TEXT_LONG) {
        *place = (unsigned char)text.len;
        buf_grew(out, 1);
    } else {
        *place = TEXT_LONG;
        buf_grew(out, 1);
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

bool text_pack_fixed(struct buf *out, struct str text)
{
    unsigned char small[TEXT_SMALL];
    unsigned char tag = pack_fixed(text, small);

    if (tag)
        pack_small(out, tag, small);
    return tag != 0;
}

void text_pack(struct buf *out, struct str text)
{
    if (!text_pack_fixed(out, text))
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

/* Up to four characters as three bytes, the highest first; those that are missing are zeros. Adds
 * to *bad what is wrong with them. */
static inline unsigned six_group(const unsigned char *at, size_t count, unsigned *bad)
{
    unsigned group = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < count ? six_values[at[i]] - 1u : 0;
        *bad |= value;
        group = group << 6 | value;
    }
    return group;
}

/* False: it has other characters, and nothing was written. */
static bool pack_six(struct buf *out, struct str text)
{
    const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len;
    unsigned bad = 0;

    if (text.len < SIX_LEN_MIN || text.len > SIX_LEN_MAX)
        return false;
    unsigned char *to = buf_room(out, 1 + six_bytes(text.len) + 2);
    *to++ = (unsigned char)(TAG_SIX + text.len - SIX_LEN_MIN);
    for (; at < end; at += 4, to += 3) {
        unsigned group =
            end - at >= 4 ? six_group(at, 4, &bad) : six_group(at, (size_t)(end - at), &bad);
        to[0] = (unsigned char)(group >> 16);
        to[1] = (unsigned char)(group >> 8);
        to[2] = (unsigned char)group;
    }
    if (bad > 0x3f)
        return false;
    buf_grew(out, 1 + six_bytes(text.len));
    return true;
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
    else if (!pack_six(out, text))
        pack_plain(out, text);
}

/* The length of what stands behind the tag as it is; advances *at to it. */
static size_t plain_len(unsigned char tag, const unsigned char **at)
{
    return tag < TEXT_LONG ? tag : number_unpack(at);
}

const unsigned char *text_end_other(const unsigned char *packed)
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
