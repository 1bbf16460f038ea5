/* Base64 and base64url (RFC 4648). Strict: no blanks, no stray bits, padding exactly where due. */
#include "common/crypto/crypto.h"

#define ALPHABET     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define ALPHABET_URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static void encode(struct buf *out, struct str bytes, const char *alphabet, bool padded)
{
    const unsigned char *data = (const unsigned char *)bytes.ptr;

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned group = (unsigned)data[i] << 16;
        if (have > 1)
            group |= (unsigned)data[i + 1] << 8;
        if (have > 2)
            group |= data[i + 2];
        for (unsigned digit = 0; digit < 4; digit++) {
            if (digit <= have)
                buf_append_char(out, alphabet[group >> (18 - 6 * digit) & 0x3F]);
            else if (padded)
                buf_append_char(out, '=');
        }
    }
}

void crypto_base64(struct buf *out, struct str bytes)
{
    encode(out, bytes, ALPHABET, true);
}

void crypto_base64url(struct buf *out, struct str bytes)
{
    encode(out, bytes, ALPHABET_URL, false);
}

static int digit_value(char c, const char *alphabet)
{
    for (int i = 0; i < 64; i++) {
        if (alphabet[i] == c)
            return i;
    }
    return -1;
}

static int decode(struct buf *out, struct str text, const char *alphabet)
{
    unsigned bits = 0, group = 0;

    if (text.len % 4 == 1)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        int value = digit_value(text.ptr[i], alphabet);
        if (value < 0)
            return -1;
        group = group << 6 | (unsigned)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_append_char(out, (char)(group >> bits & 0xFF));
        }
    }
    return (group & ((1U << bits) - 1)) == 0 ? 0 : -1;
}

int crypto_base64_decode(struct buf *out, struct str text)
{
    if (text.len % 4 != 0)
        return -1;
    for (int padding = 0; padding < 2 && str_ends_with(text, STR("=")); padding++)
        text.len--;
    return decode(out, text, ALPHABET);
}

int crypto_base64url_decode(struct buf *out, struct str text)
{
    return decode(out, text, ALPHABET_URL);
}
