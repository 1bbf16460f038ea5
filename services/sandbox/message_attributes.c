#include "services/sandbox/message_attributes.h"

#include <ctype.h>
#include <stdlib.h>

#include "common/crypto/crypto.h"

enum { COUNT_MAX = 10, NAME_MAX_BYTES = 256, TYPE_MAX_BYTES = 256, DIGITS_MAX = 38 };

#define REFUSE(text)                                                                               \
    (struct sqs_result)                                                                            \
    {                                                                                              \
        SQS_INVALID_VALUE, (text)                                                                  \
    }
#define ACCEPT                                                                                     \
    (struct sqs_result)                                                                            \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* The text is UTF-8: JSON is read so. */
static uint32_t next_character(struct str *text)
{
    unsigned char first = (unsigned char)text->ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t character = len == 1 ? first : first & (0xFFu >> (len + 1));

    for (size_t i = 1; i < len && i < text->len; i++)
        character = character << 6 | ((unsigned char)text->ptr[i] & 0x3F);
    *text = str_from(text->ptr + len, text->len > len ? text->len - len : 0);
    return character;
}

bool sqs_text_is_valid(struct str text)
{
    while (text.len > 0) {
        uint32_t c = next_character(&text);
        if ((c < 0x20 && c != 0x9 && c != 0xA && c != 0xD) || c == 0xFFFE || c == 0xFFFF)
            return false;
    }
    return true;
}

static bool is_name(struct str name)
{
    static const struct str aws = STR_INIT("aws."), amazon = STR_INIT("amazon.");

    if (name.len == 0 || name.len > NAME_MAX_BYTES || name.ptr[0] == '.' ||
        name.ptr[name.len - 1] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!isalnum((unsigned char)c) && c != '_' && c != '-' && c != '.')
            return false;
        if (c == '.' && name.ptr[i - 1] == '.')
            return false;
    }
    return !(name.len >= aws.len && str_eq_nocase(str_from(name.ptr, aws.len), aws)) &&
           !(name.len >= amazon.len && str_eq_nocase(str_from(name.ptr, amazon.len), amazon));
}

static bool is_number(struct str text)
{
    size_t digits = 0, at = 0;
    bool point = false;

    at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
    for (; at < text.len && (isdigit((unsigned char)text.ptr[at]) || text.ptr[at] == '.'); at++) {
        if (text.ptr[at] != '.')
            digits++;
        else if (point)
            return false;
        else
            point = true;
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        int64_t exponent;
        return digits > 0 && digits <= DIGITS_MAX &&
               str_to_i64(str_from(text.ptr + at + 1, text.len - at - 1), &exponent);
    }
    return at == text.len && digits > 0 && digits <= DIGITS_MAX;
}

static struct sqs_result read_binary(const struct json *json, struct arena *arena,
                                     struct message_attribute *ret)
{
    struct buf bytes = BUF_INIT;
    bool valid = crypto_base64_decode(&bytes, json_get_str(json, "BinaryValue")) == 0;

    ret->binary = true;
    ret->value = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    return valid && ret->value.len > 0
               ? ACCEPT
               : REFUSE("A message attribute of type Binary must have a BinaryValue.");
}

static struct sqs_result read_text(const struct json *json, bool number,
                                   struct message_attribute *ret)
{
    ret->value = json_get_str(json, "StringValue");
    if (ret->value.len == 0)
        return REFUSE("A message attribute of type String or Number must have a StringValue.");
    if (!sqs_text_is_valid(ret->value))
        return REFUSE("A message attribute has characters that are not allowed.");
    if (number && !is_number(ret->value))
        return REFUSE("A message attribute of type Number does not hold a number.");
    return ACCEPT;
}

static struct sqs_result read_attribute(const struct json *json, struct arena *arena,
                                        struct message_attribute *ret)
{
    struct str type = json_get_str(json, "DataType"), kind = type;

    if (!is_name(ret->name))
        return REFUSE("A message attribute has a name that is not allowed.");
    ret->type = type;
    kind = str_split(&kind, '.');
    if (json_count(json_get(json, "StringListValues")) > 0 ||
        json_count(json_get(json, "BinaryListValues")) > 0)
        return REFUSE("Lists of values are not supported by SQS.");
    if (type.len <= TYPE_MAX_BYTES && str_eq(kind, STR("Binary")))
        return read_binary(json, arena, ret);
    if (type.len <= TYPE_MAX_BYTES && (str_eq(kind, STR("String")) || str_eq(kind, STR("Number"))))
        return read_text(json, str_eq(kind, STR("Number")), ret);
    return REFUSE("The type of a message attribute must begin with String, Number or Binary.");
}

struct reading {
    struct message_attributes *attributes;
    struct arena *arena;
    struct sqs_result result;
};

static void read_member(void *arg, struct str name, const struct json *value)
{
    struct reading *reading = arg;
    struct message_attributes *attributes = reading->attributes;
    struct message_attribute *one = &attributes->list[attributes->count];

    if (reading->result.code)
        return;
    one->name = name;
    reading->result = read_attribute(value, reading->arena, one);
    attributes->bytes += one->name.len + one->type.len + one->value.len;
    attributes->count++;
}

static int by_name(const void *a, const void *b)
{
    const struct message_attribute *left = a, *right = b;

    return str_compare(left->name, right->name);
}

struct sqs_result message_attributes_read(const struct json *object, struct arena *arena,
                                          struct message_attributes *ret)
{
    struct reading reading = {.attributes = ret, .arena = arena};

    *ret = (struct message_attributes){0};
    if (json_kind(object) <= JSON_KIND_NULL)
        return ACCEPT;
    if (json_kind(object) != JSON_KIND_OBJECT)
        return (struct sqs_result){"SerializationException", "Attributes must be an object."};
    if (json_count(object) > COUNT_MAX)
        return REFUSE("Number of message attributes exceeds the allowed maximum [10].");
    ret->list = arena_alloc_array(arena, COUNT_MAX, sizeof(*ret->list));
    json_each(object, read_member, &reading);
    qsort(ret->list, ret->count, sizeof(*ret->list), by_name);
    return reading.result;
}

static void append_sized(struct buf *out, struct str bytes)
{
    const unsigned char size[] = {(unsigned char)(bytes.len >> 24),
                                  (unsigned char)(bytes.len >> 16), (unsigned char)(bytes.len >> 8),
                                  (unsigned char)bytes.len};

    buf_append(out, size, sizeof(size));
    buf_append_str(out, bytes);
}

void message_attributes_set_md5(const struct message_attributes *attributes, struct json *object,
                                const char *name)
{
    enum { TRANSPORT_TEXT = 1, TRANSPORT_BINARY = 2 };
    struct buf bytes = BUF_INIT;

    if (attributes->count == 0)
        return;
    for (size_t i = 0; i < attributes->count; i++) {
        const struct message_attribute *one = &attributes->list[i];
        append_sized(&bytes, one->name);
        append_sized(&bytes, one->type);
        buf_append_char(&bytes, one->binary ? TRANSPORT_BINARY : TRANSPORT_TEXT);
        append_sized(&bytes, one->value);
    }
    sqs_set_md5(object, name, buf_str(&bytes));
    buf_done(&bytes);
}

bool message_attribute_is_wanted(const struct json *names, struct str name)
{
    for (size_t i = 0; i < json_count(names); i++) {
        struct str wanted = json_str(json_at(names, i));
        if (str_eq(wanted, name) || str_eq(wanted, STR("All")) || str_eq(wanted, STR(".*")))
            return true;
        if (str_ends_with(wanted, STR(".*")) &&
            str_starts_with(name, str_from(wanted.ptr, wanted.len - 2)))
            return true;
    }
    return false;
}
