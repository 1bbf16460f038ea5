/* From bytes to structs by the tables of messages.def, without objects in between: a question is
 * answered in less time than it would take to build them. */
#include "proto/codec/internal.h"

#include <string.h>

static int read_field(struct reader *reader, const struct field *field, const struct token *token,
                      void *value);

static int not_whole(const struct reader *reader)
{
    return error_set(reader->error, "not one whole MessagePack object");
}

static int wrong_type(const struct reader *reader, const struct field *field, const char *wanted)
{
    return error_set(reader->error, "'%s' must be %s", field->name, wanted);
}

static int read_integer(const struct reader *reader, const struct field *field,
                        const struct token *token, int64_t *ret_value)
{
    if (token->kind != TOKEN_INTEGER)
        return wrong_type(reader, field, "an integer");
    *ret_value = token->integer;
    return 0;
}

static int read_number(const struct reader *reader, const struct field *field,
                       const struct token *token, double *ret_value)
{
    if (token->kind == TOKEN_DOUBLE)
        *ret_value = token->number;
    else if (token->kind == TOKEN_INTEGER)
        *ret_value = (double)token->integer;
    else if (token->kind == TOKEN_HUGE)
        *ret_value = (double)token->huge;
    else
        return wrong_type(reader, field, "a number");
    return 0;
}

static int read_boolean(const struct reader *reader, const struct field *field,
                        const struct token *token, bool *ret_value)
{
    if (token->kind != TOKEN_BOOLEAN)
        return wrong_type(reader, field, "true or false");
    *ret_value = token->boolean;
    return 0;
}

static int read_text(const struct reader *reader, const struct field *field,
                     const struct token *token, size_t limit, struct str *ret_text)
{
    if (token->kind != TOKEN_TEXT)
        return wrong_type(reader, field, "a text");
    if (token->bytes.len > limit)
        return error_set(reader->error, "'%s' is longer than %zu bytes", field->name, limit);
    if (!str_is_utf8(token->bytes))
        return error_set(reader->error, "'%s' is not UTF-8 text", field->name);
    *ret_text = token->bytes;
    return 0;
}

static int read_bytes(const struct reader *reader, const struct field *field,
                      const struct token *token, struct str *ret_bytes)
{
    if (token->kind != TOKEN_BYTES && token->kind != TOKEN_TEXT)
        return wrong_type(reader, field, "bytes");
    if (token->bytes.len > field->limit)
        return error_set(reader->error, "'%s' is longer than %zu bytes", field->name, field->limit);
    *ret_bytes = token->bytes;
    return 0;
}

static int read_value(const struct reader *reader, const struct field *field,
                      const struct token *token, struct value *ret_value)
{
    enum { STRING_LIMIT = 4096 };

    switch (token->kind) {
    case TOKEN_BOOLEAN:
        *ret_value = (struct value){.kind = VALUE_BOOLEAN, .boolean = token->boolean};
        return 0;
    case TOKEN_DOUBLE:
        *ret_value = (struct value){.kind = VALUE_DOUBLE, .number = token->number};
        return 0;
    case TOKEN_TEXT:
        ret_value->kind = VALUE_STRING;
        return read_text(reader, field, token, STRING_LIMIT, &ret_value->string);
    case TOKEN_INTEGER:
        *ret_value = (struct value){.kind = VALUE_INTEGER, .integer = token->integer};
        return 0;
    default:
        return wrong_type(reader, field, "an integer, a double, a boolean or a text");
    }
}

static int read_choice(const struct reader *reader, const struct field *field,
                       const struct token *token, void *member)
{
    if (token->kind != TOKEN_TEXT)
        return wrong_type(reader, field, "a word");

    int choice = choice_of(field->enumeration, token->bytes);
    if (choice == 0 && reader->strict && field->need == REQUIRED)
        return error_set(reader->error, "'%s' must be one of the words of %s", field->name,
                         field->enumeration->name);
    *(int *)member = choice;
    return 0;
}

static int check_count(const struct reader *reader, const struct field *field,
                       const struct token *token)
{
    if (token->kind != TOKEN_ARRAY)
        return wrong_type(reader, field, "an array");
    if (token->count > field->limit)
        return error_set(reader->error, "'%s' has more than %zu items", field->name, field->limit);
    return 0;
}

static int read_texts(struct reader *reader, const struct field *field, const struct token *token,
                      struct str_list *ret_list)
{
    enum { ITEM_LIMIT = 1200 };

    if (check_count(reader, field, token) < 0)
        return -1;
    ret_list->items = arena_alloc_array(reader->arena, token->count, sizeof(ret_list->items[0]));
    ret_list->count = token->count;
    for (size_t i = 0; i < ret_list->count; i++) {
        struct token item;
        if (!token_next(&reader->input, &item))
            return not_whole(reader);
        if (read_text(reader, field, &item, ITEM_LIMIT, &ret_list->items[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_list(struct reader *reader, const struct field *field, const struct token *token,
                     struct any_list *ret_list)
{
    if (check_count(reader, field, token) < 0)
        return -1;

    size_t size = field->child->size;
    ret_list->items = arena_alloc_array(reader->arena, token->count, size);
    ret_list->count = token->count;
    for (size_t i = 0; i < ret_list->count; i++) {
        void *item = ret_list->items + i * size;
        int result = field->kind == FIELD_ROWS
                         ? codec_read_params_array(reader, field->child, item, NULL)
                         : codec_read_map(reader, field->child, item);
        if (result < 0)
            return error_prefix(reader->error, "%s[%zu]", field->name, i);
    }
    return 0;
}

static int read_encoded(struct reader *reader, const struct field *field, const struct token *token,
                        struct str_list *ret_list)
{
    if (check_count(reader, field, token) < 0)
        return -1;
    ret_list->items = arena_alloc_array(reader->arena, token->count, sizeof(ret_list->items[0]));
    ret_list->count = token->count;
    for (size_t i = 0; i < ret_list->count; i++) {
        const unsigned char *begin = reader->input.at;
        struct token map;
        if (!token_next(&reader->input, &map) || !token_skip_parts(&reader->input, &map))
            return not_whole(reader);
        if (map.kind != TOKEN_MAP)
            return error_set(reader->error, "%s[%zu]: a map was expected", field->name, i);
        ret_list->items[i] = str_from(begin, (size_t)(reader->input.at - begin));
    }
    return 0;
}

static int read_item(struct reader *reader, const struct field *field, void *member)
{
    void *item = arena_alloc(reader->arena, field->child->size);

    if (codec_read_map(reader, field->child, item) < 0)
        return error_prefix(reader->error, "%s", field->name);
    *(void **)member = item;
    return 0;
}

static int read_field(struct reader *reader, const struct field *field, const struct token *token,
                      void *value)
{
    void *member = (char *)value + field->offset;

    switch (field->kind) {
    case FIELD_TEXT:
        return read_text(reader, field, token, field->limit, member);
    case FIELD_BIN:
        return read_bytes(reader, field, token, member);
    case FIELD_BOOL:
        return read_boolean(reader, field, token, member);
    case FIELD_INT:
    case FIELD_TIME:
        return read_integer(reader, field, token, member);
    case FIELD_NUM:
        return read_number(reader, field, token, member);
    case FIELD_VALUE:
        return read_value(reader, field, token, member);
    case FIELD_CHOICE:
        return read_choice(reader, field, token, member);
    case FIELD_STRS:
        return read_texts(reader, field, token, member);
    case FIELD_ITEM:
        return read_item(reader, field, member);
    case FIELD_LIST:
    case FIELD_ROWS:
        return read_list(reader, field, token, member);
    case FIELD_ENCODED:
        return read_encoded(reader, field, token, member);
    }
    return 0;
}

/* Which fields of a shape have been met, and which of those were not nil. */
struct met {
    uint64_t seen, present;
};

_Static_assert(SHAPE_FIELDS_MAX <= 64, "a bit for each field");

/* Reads what stands at the input. Nil is as good as absent. */
static int read_next(struct reader *reader, const struct shape *shape, size_t index, void *value,
                     struct met *met)
{
    const struct field *field = &shape->fields[index];
    struct input begin = reader->input;
    struct token token;

    if (!token_next(&reader->input, &token))
        return not_whole(reader);
    met->seen |= (uint64_t)1 << index;
    if (token.kind == TOKEN_NIL)
        return 0;
    met->present |= (uint64_t)1 << index;
    if (field->kind == FIELD_ITEM)
        reader->input = begin;
    return read_field(reader, field, &token, value);
}

static int fill_absent(const struct reader *reader, const struct shape *shape, void *value,
                       const struct met *met)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        void *member = (char *)value + field->offset;

        if (met->present >> i & 1)
            continue;
        if (field->need == REQUIRED)
            return error_set(reader->error, "'%s' is missing", field->name);
        if (field->kind == FIELD_INT)
            *(int64_t *)member = (int64_t)field->fallback;
        else if (field->kind == FIELD_NUM)
            *(double *)member = field->fallback;
    }
    return 0;
}

static bool is_named(const struct field *field, struct str name)
{
    return field->name_len == name.len && memcmp(field->name, name.ptr, name.len) == 0;
}

/* The field of that name, or field_count. Peers write fields in their order, mostly: `next` is
 * looked at first. */
static size_t find_field(const struct shape *shape, const struct token *key, size_t next)
{
    if (key->kind != TOKEN_TEXT)
        return shape->field_count;
    for (size_t i = next; i < shape->field_count; i++) {
        if (is_named(&shape->fields[i], key->bytes))
            return i;
    }
    for (size_t i = 0; i < next; i++) {
        if (is_named(&shape->fields[i], key->bytes))
            return i;
    }
    return shape->field_count;
}

static int skip_next(struct reader *reader)
{
    return token_skip(&reader->input) ? 0 : not_whole(reader);
}

/* Of several pairs with one key the first counts. */
static int read_pair(struct reader *reader, const struct shape *shape, void *value, size_t *next,
                     struct met *met)
{
    struct token key;

    if (!token_next(&reader->input, &key) || !token_skip_parts(&reader->input, &key))
        return not_whole(reader);
    size_t index = find_field(shape, &key, *next);
    if (index == shape->field_count || met->seen >> index & 1)
        return skip_next(reader);
    *next = index + 1;
    return read_next(reader, shape, index, value, met);
}

int codec_read_map(struct reader *reader, const struct shape *shape, void *value)
{
    struct met met = {0, 0};
    size_t next = 0;
    struct token map;

    if (!token_next(&reader->input, &map) || map.kind != TOKEN_MAP)
        return error_set(reader->error, "a map was expected");
    for (uint32_t i = 0; i < map.count; i++) {
        if (read_pair(reader, shape, value, &next, &met) < 0)
            return -1;
    }
    return fill_absent(reader, shape, value, &met);
}

static int read_timeout(struct reader *reader, const struct token *token, int64_t *ret_timeout_ms)
{
    if (token->kind == TOKEN_NIL)
        return 0;
    if (token->kind != TOKEN_INTEGER || token->integer <= 0 || token->integer > INT32_MAX)
        return error_set(reader->error, "'timeout_ms' must be an integer from 1 to %d", INT32_MAX);
    *ret_timeout_ms = token->integer;
    return 0;
}

static int read_trace(struct reader *reader, const struct token *token, struct str *ret_trace)
{
    enum { TRACE_LIMIT = 64 };

    if (token->kind == TOKEN_NIL)
        return 0;
    if (token->kind != TOKEN_TEXT || token->bytes.len > TRACE_LIMIT || !str_is_utf8(token->bytes))
        return error_set(reader->error, "'trace' must be a text of at most %d bytes", TRACE_LIMIT);
    *ret_trace = token->bytes;
    return 0;
}

static int read_option(struct reader *reader, const struct shape *shape, void *value,
                       struct call_options *options, struct met *met)
{
    struct token key, token;

    if (!token_next(&reader->input, &key) || !token_skip_parts(&reader->input, &key))
        return not_whole(reader);
    size_t index = find_field(shape, &key, 0);
    if (index < shape->field_count && shape->fields[index].need == OPTION &&
        !(met->seen >> index & 1))
        return read_next(reader, shape, index, value, met);

    struct input begin = reader->input;
    if (!token_next(&reader->input, &token))
        return not_whole(reader);
    if (options && token_is_text(&key, "timeout_ms"))
        return read_timeout(reader, &token, &options->timeout_ms);
    if (options && token_is_text(&key, "trace"))
        return read_trace(reader, &token, &options->trace);
    reader->input = begin;
    return skip_next(reader);
}

static int read_options(struct reader *reader, const struct shape *shape, void *value,
                        struct call_options *options, struct met *met)
{
    struct token map;

    if (!token_next(&reader->input, &map))
        return not_whole(reader);
    for (uint32_t i = 0; i < map.count; i++) {
        if (read_option(reader, shape, value, options, met) < 0)
            return -1;
    }
    return 0;
}

static bool is_map_next(const struct reader *reader)
{
    struct input input = reader->input;
    struct token token;

    return token_next(&input, &token) && token.kind == TOKEN_MAP;
}

static size_t next_positional(const struct shape *shape, size_t index)
{
    while (index < shape->field_count && shape->fields[index].need == OPTION)
        index++;
    return index;
}

/* A last map is the options, unless it stands where a positional field is itself a map. */
int codec_read_params_array(struct reader *reader, const struct shape *shape, void *value,
                            struct call_options *ret_options)
{
    struct met met = {0, 0};
    size_t index = next_positional(shape, 0);
    struct token array;

    if (!token_next(&reader->input, &array) || array.kind != TOKEN_ARRAY)
        return error_set(reader->error, "an array was expected");
    for (uint32_t i = 0; i < array.count; i++) {
        bool known = index < shape->field_count;
        bool is_item = known && shape->fields[index].kind == FIELD_ITEM;
        int result;

        if (i + 1 == array.count && !is_item && is_map_next(reader))
            result = read_options(reader, shape, value, ret_options, &met);
        else if (known)
            result = read_next(reader, shape, index, value, &met);
        else
            result = skip_next(reader);
        if (result < 0)
            return -1;
        index = known ? next_positional(shape, index + 1) : index;
    }
    return fill_absent(reader, shape, value, &met);
}

bool codec_is_map(struct str bytes)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr;
    struct input input = {begin, begin + bytes.len};
    struct token token;

    return token_is_one_object(bytes) && token_next(&input, &token) && token.kind == TOKEN_MAP;
}

int codec_decode(const struct shape *shape, struct str bytes, struct arena *arena, void *ret_value,
                 struct error *error)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr;
    struct reader reader = {.input = {begin, begin + bytes.len}, .arena = arena, .error = error};

    memset(ret_value, 0, shape->size);
    if (bytes.len == 0)
        return not_whole(&reader);
    if (codec_read_map(&reader, shape, ret_value) < 0)
        return -1;
    return reader.input.at == reader.input.end ? 0 : not_whole(&reader);
}
