#include "common/base/str.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

struct str str_of(const char *text)
{
    return text ? (struct str){text, strlen(text)} : STR_NONE;
}

struct str str_from(const void *ptr, size_t len)
{
    return (struct str){ptr, len};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_text(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (to_lower(a.ptr[i]) != to_lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_is_empty(struct str s)
{
    return s.len == 0;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq((struct str){s.ptr + (s.len - suffix.len), suffix.len}, suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_split(struct str *s, char separator)
{
    const char *at = s->len ? memchr(s->ptr, separator, s->len) : NULL;
    struct str head = *s;

    if (!at) {
        *s = STR_NONE;
        return head;
    }
    head.len = (size_t)(at - s->ptr);
    s->ptr = at + 1;
    s->len -= head.len + 1;
    return head;
}

char *str_dup(struct str s)
{
    char *text = mem_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    size_t i = negative ? 1 : 0;

    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* The bytes a UTF-8 sequence has after its first one, or -1 where none may start (RFC 3629). */
static int utf8_continuation(unsigned char first, unsigned char *ret_min, unsigned char *ret_max)
{
    *ret_min = 0x80;
    *ret_max = 0xBF;
    if (first < 0x80)
        return 0;
    if (first >= 0xC2 && first <= 0xDF)
        return 1;
    if (first >= 0xE0 && first <= 0xEF) {
        if (first == 0xE0)
            *ret_min = 0xA0;
        if (first == 0xED)
            *ret_max = 0x9F;
        return 2;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (first == 0xF0)
            *ret_min = 0x90;
        if (first == 0xF4)
            *ret_max = 0x8F;
        return 3;
    }
    return -1;
}

/* The bytes of the character that s begins with; 0 if it begins with none. */
static size_t utf8_character(struct str s)
{
    unsigned char min, max;
    int more = utf8_continuation((unsigned char)s.ptr[0], &min, &max);

    if (s.ptr[0] == '\0' || more < 0 || s.len <= (size_t)more)
        return 0;
    for (int i = 1; i <= more; i++) {
        unsigned char next = (unsigned char)s.ptr[i];
        if (next < min || next > max)
            return 0;
        min = 0x80;
        max = 0xBF;
    }
    return 1 + (size_t)more;
}

/* Sets a highest bit of eight bytes that are not all ASCII without NUL. */
static inline uint64_t odd_bits(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    return (eight - ones) | eight;
}

/* Whether all is ASCII without NUL: eight bytes at once, of which the last may have been looked at.
 */
static inline bool is_plain(struct str s)
{
    enum { WORD = sizeof(uint64_t), HALF = WORD / 2 };
    const uint64_t highest = UINT64_C(0x8080808080808080);
    const unsigned char *at = (const unsigned char *)s.ptr;
    uint64_t odd;

    if (s.len < HALF)
        return s.len == 0;
    if (s.len < WORD)
        return (odd_bits(hash_read_4(at) << 32 | hash_read_4(at + s.len - HALF)) & highest) == 0;
    odd = odd_bits(hash_read_8(at + s.len - WORD));
    for (size_t i = 0; i + WORD < s.len; i += WORD)
        odd |= odd_bits(hash_read_8(at + i));
    return (odd & highest) == 0;
}

bool str_is_utf8(struct str s)
{
    if (is_plain(s))
        return true;
    while (s.len > 0) {
        size_t len = utf8_character(s);
        if (len == 0)
            return false;
        s = str_from(s.ptr + len, s.len - len);
    }
    return true;
}

void str_mend_utf8(char *text)
{
    struct str left = str_of(text);

    while (left.len > 0) {
        size_t len = utf8_character(left);
        if (len == 0) {
            text[left.ptr - text] = '?';
            len = 1;
        }
        left = str_from(left.ptr + len, left.len - len);
    }
}
