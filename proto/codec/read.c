/* What the members of messages are read with, whatever shape they are of: from the bytes, without
 * objects in between. A question is answered in less time than it would take to build them. */
#include "proto/codec/read.h"

/* Of texts within lists and values, which messages.def gives no limit. */
enum { TEXT_OF_LIST_LIMIT = 1200, TEXT_OF_VALUE_LIMIT = 4096, TRACE_LIMIT = 64 };

int read_not_whole(const struct reader *reader)
{
    return error_set(reader->error, "not one whole MessagePack object");
}

int read_missing(const struct reader *reader, const char *name)
{
    return error_set(reader->error, "'%s' is missing", name);
}

static int wrong_type(const struct reader *reader, const char *name, const char *wanted)
{
    return error_set(reader->error, "'%s' must be %s", name, wanted);
}

static int too_long(const struct reader *reader, const char *name, size_t limit)
{
    return error_set(reader->error, "'%s' is longer than %zu bytes", name, limit);
}

static int keep_text(const struct reader *reader, const char *name, struct str text, size_t limit,
                     struct str *ret)
{
    if (text.len > limit)
        return too_long(reader, name, limit);
    if (!str_is_utf8(text))
        return error_set(reader->error, "'%s' is not UTF-8 text", name);
    *ret = text;
    return 1;
}

static int take_text(const struct reader *reader, const char *name, const struct token *token,
                     size_t limit, struct str *ret)
{
    if (token->kind != TOKEN_TEXT)
        return wrong_type(reader, name, "a text");
    return keep_text(reader, name, token->bytes, limit, ret);
}

int read_text(struct reader *reader, const char *name, size_t limit, struct str *ret)
{
    struct token token;
    struct str text;

    if (input_take_short_text(&reader->input, &text))
        return keep_text(reader, name, text, limit, ret);
    if (!token_next_wide(&reader->input, &token))
        return read_not_whole(reader);
    return token.kind == TOKEN_NIL ? 0 : take_text(reader, name, &token, limit, ret);
}

int read_binary(struct reader *reader, const char *name, size_t limit, struct str *ret)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_BYTES && token.kind != TOKEN_TEXT)
        return wrong_type(reader, name, "bytes");
    if (token.bytes.len > limit)
        return too_long(reader, name, limit);
    *ret = token.bytes;
    return 1;
}

int read_boolean(struct reader *reader, const char *name, bool *ret)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_BOOLEAN)
        return wrong_type(reader, name, "true or false");
    *ret = token.boolean;
    return 1;
}

int read_integer(struct reader *reader, const char *name, int64_t *ret)
{
    struct token token;

    if (input_take_common_integer(&reader->input, ret))
        return 1;
    if (!token_next_wide(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_INTEGER)
        return wrong_type(reader, name, "an integer");
    *ret = token.integer;
    return 1;
}

int read_number(struct reader *reader, const char *name, double *ret)
{
    struct token token;

    if (input_take_common_integer(&reader->input, &token.integer)) {
        *ret = (double)token.integer;
        return 1;
    }
    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    switch (token.kind) {
    case TOKEN_NIL:
        return 0;
    case TOKEN_DOUBLE:
        *ret = token.number;
        return 1;
    case TOKEN_INTEGER:
        *ret = (double)token.integer;
        return 1;
    case TOKEN_HUGE:
        *ret = (double)token.huge;
        return 1;
    default:
        return wrong_type(reader, name, "a number");
    }
}

int read_value(struct reader *reader, const char *name, struct value *ret)
{
    struct token token;

    if (input_take_common_integer(&reader->input, &token.integer)) {
        *ret = (struct value){.kind = VALUE_INTEGER, .integer = token.integer};
        return 1;
    }
    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    switch (token.kind) {
    case TOKEN_NIL:
        return 0;
    case TOKEN_BOOLEAN:
        *ret = (struct value){.kind = VALUE_BOOLEAN, .boolean = token.boolean};
        return 1;
    case TOKEN_DOUBLE:
        *ret = (struct value){.kind = VALUE_DOUBLE, .number = token.number};
        return 1;
    case TOKEN_TEXT:
        ret->kind = VALUE_STRING;
        return take_text(reader, name, &token, TEXT_OF_VALUE_LIMIT, &ret->string);
    case TOKEN_INTEGER:
        *ret = (struct value){.kind = VALUE_INTEGER, .integer = token.integer};
        return 1;
    default:
        return wrong_type(reader, name, "an integer, a double, a boolean or a text");
    }
}

int read_choice(struct reader *reader, const char *name, enum field_need need,
                const struct enumeration *enumeration, int *ret)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_TEXT)
        return wrong_type(reader, name, "a word");
    *ret = choice_of(enumeration, token.bytes);
    if (*ret == 0 && reader->strict && need == REQUIRED)
        return error_set(reader->error, "'%s' must be one of the words of %s", name,
                         enumeration->name);
    return 1;
}

/* 1: so many items follow. */
static int read_count(struct reader *reader, const char *name, size_t limit, size_t *ret_count)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_ARRAY)
        return wrong_type(reader, name, "an array");
    if (token.count > limit)
        return error_set(reader->error, "'%s' has more than %zu items", name, limit);
    *ret_count = token.count;
    return 1;
}

static int read_str_list(struct reader *reader, const char *name, size_t limit,
                         struct str_list *ret)
{
    int result = read_count(reader, name, limit, &ret->count);

    if (result > 0)
        ret->items = arena_alloc_array(reader->arena, ret->count, sizeof(ret->items[0]));
    return result;
}

int read_texts(struct reader *reader, const char *name, size_t limit, struct str_list *ret)
{
    int result = read_str_list(reader, name, limit, ret);

    for (size_t i = 0; result > 0 && i < ret->count; i++) {
        struct token token;
        if (!token_next(&reader->input, &token))
            return read_not_whole(reader);
        result = take_text(reader, name, &token, TEXT_OF_LIST_LIMIT, &ret->items[i]);
    }
    return result;
}

int read_encoded(struct reader *reader, const char *name, size_t limit, struct str_list *ret)
{
    int result = read_str_list(reader, name, limit, ret);

    for (size_t i = 0; result > 0 && i < ret->count; i++) {
        const unsigned char *begin = reader->input.at;
        struct token map;
        if (!token_next(&reader->input, &map) || !token_skip_parts(&reader->input, &map))
            return read_not_whole(reader);
        if (map.kind != TOKEN_MAP)
            return error_set(reader->error, "%s[%zu]: a map was expected", name, i);
        ret->items[i] = str_from(begin, (size_t)(reader->input.at - begin));
    }
    return result;
}

int read_items(struct reader *reader, const char *name, size_t limit, size_t size, read_fn *read,
               void **ret_items, size_t *ret_count)
{
    size_t count = 0;
    int result = read_count(reader, name, limit, &count);

    if (result <= 0)
        return result;
    char *items = arena_alloc_array(reader->arena, count, size);
    for (size_t i = 0; i < count; i++) {
        if (read(reader, items + i * size) < 0)
            return error_prefix(reader->error, "%s[%zu]", name, i);
    }
    *ret_items = items;
    *ret_count = count;
    return 1;
}

int read_item(struct reader *reader, const char *name, size_t size, read_fn *read, void **ret)
{
    const struct input begin = reader->input;
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    reader->input = begin;
    void *item = arena_alloc(reader->arena, size);
    if (read(reader, item) < 0)
        return error_prefix(reader->error, "%s", name);
    *ret = item;
    return 1;
}

static int next_wide_key(struct reader *reader, struct pairs *pairs)
{
    struct token key;

    pairs->key = STR_NONE;
    if (!token_next(&reader->input, &key) || !token_skip_parts(&reader->input, &key))
        return read_not_whole(reader);
    if (key.kind == TOKEN_TEXT)
        pairs->key = key.bytes;
    return 0;
}

/* Nearly all keys are short texts. */
static inline int next_key(struct reader *reader, struct pairs *pairs)
{
    struct input *input = &reader->input;

    if (pairs->left == 0) {
        pairs->key = STR_NONE;
        return 0;
    }
    return input_take_short_text(input, &pairs->key) ? 0 : next_wide_key(reader, pairs);
}

int pairs_begin(struct reader *reader, struct pairs *ret_pairs)
{
    struct token map;

    *ret_pairs = (struct pairs){.left = 0};
    if (!input_take_short_map(&reader->input, &ret_pairs->left)) {
        if (!token_next(&reader->input, &map) || map.kind != TOKEN_MAP)
            return error_set(reader->error, "a map was expected");
        ret_pairs->left = map.count;
    }
    return next_key(reader, ret_pairs);
}

int pairs_read(struct reader *reader, struct pairs *pairs, uint64_t bit, int result)
{
    if (result < 0)
        return -1;
    pairs->seen |= bit;
    if (result > 0)
        pairs->present |= bit;
    pairs->left--;
    return next_key(reader, pairs);
}

int pairs_pass(struct reader *reader, struct pairs *pairs)
{
    if (!token_skip(&reader->input))
        return read_not_whole(reader);
    pairs->left--;
    return next_key(reader, pairs);
}

static int read_timeout(struct reader *reader, int64_t *ret_timeout_ms)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_INTEGER || token.integer <= 0 || token.integer > INT32_MAX)
        return error_set(reader->error, "'timeout_ms' must be an integer from 1 to %d", INT32_MAX);
    *ret_timeout_ms = token.integer;
    return 1;
}

static int read_trace(struct reader *reader, struct str *ret_trace)
{
    struct token token;

    if (!token_next(&reader->input, &token))
        return read_not_whole(reader);
    if (token.kind == TOKEN_NIL)
        return 0;
    if (token.kind != TOKEN_TEXT || token.bytes.len > TRACE_LIMIT || !str_is_utf8(token.bytes))
        return error_set(reader->error, "'trace' must be a text of at most %d bytes", TRACE_LIMIT);
    *ret_trace = token.bytes;
    return 1;
}

int pairs_pass_option(struct reader *reader, struct pairs *pairs, struct call_options *options)
{
    if (options && str_eq_text(pairs->key, "timeout_ms"))
        return pairs_read(reader, pairs, 0, read_timeout(reader, &options->timeout_ms));
    if (options && str_eq_text(pairs->key, "trace"))
        return pairs_read(reader, pairs, 0, read_trace(reader, &options->trace));
    return pairs_pass(reader, pairs);
}

int places_begin(struct reader *reader, struct places *ret_places)
{
    struct token array;

    *ret_places = (struct places){.left = 0};
    if (input_take_short_array(&reader->input, &ret_places->left))
        return 0;
    if (!token_next(&reader->input, &array) || array.kind != TOKEN_ARRAY)
        return error_set(reader->error, "an array was expected");
    ret_places->left = array.count;
    return 0;
}

int places_pass(struct reader *reader, struct places *places)
{
    for (; places_has(reader, places, false); places->left--) {
        if (!token_skip(&reader->input))
            return read_not_whole(reader);
    }
    return 0;
}
