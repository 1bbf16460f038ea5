/* Records out of the form in which a replica keeps them. */
#include "proto/replica/pack.h"
#include "proto/replica/pack_internal.h"

/* Everything unpacked lives in the arena. The bytes are our own and are not doubted. */
struct unpacker {
    const struct words *words;
    const unsigned char *at;
    struct arena *arena;
    int64_t near_s;
};

static void unpack_fields(struct unpacker *unpacker, const struct shape *shape, void *value);

/* What text_unpack() advances is a copy: so the place itself can stay in a register. */
static struct str unpack_text(struct unpacker *unpacker)
{
    const unsigned char *at = unpacker->at;
    struct str text = text_unpack(&at, unpacker->arena);

    unpacker->at = at;
    return text;
}

static inline struct str unpack_word(struct unpacker *unpacker)
{
    uint64_t number = number_unpack(&unpacker->at);

    return number > 0 ? words_text(unpacker->words, number) : unpack_text(unpacker);
}

static inline double unpack_double(struct unpacker *unpacker)
{
    double number;

    memcpy(&number, unpacker->at, sizeof(number));
    unpacker->at += sizeof(number);
    return number;
}

static inline int64_t unpack_integer(struct unpacker *unpacker, unsigned width)
{
    const unsigned char *at = unpacker->at;
    unsigned above = 64 - 8 * width;
    uint64_t number = 0;

    unpacker->at += width;
    /* Each copy is one instruction. */
    switch (width) {
    case 1:
        memcpy(&number, at, 1);
        break;
    case 2:
        memcpy(&number, at, 2);
        break;
    case 4:
        memcpy(&number, at, 4);
        break;
    default:
        memcpy(&number, at, 8);
    }
    return (int64_t)(number << above) >> above;
}

/* Returns the byte with the kind and the flags. */
static inline unsigned unpack_value(struct unpacker *unpacker, struct value *ret_value)
{
    unsigned flags = *unpacker->at++;

    ret_value->kind = flags & PACKED_KIND;
    if (ret_value->kind == VALUE_INTEGER)
        ret_value->integer = unpack_integer(unpacker, packed_width(flags));
    else if (ret_value->kind == VALUE_DOUBLE)
        ret_value->number = unpack_double(unpacker);
    else if (ret_value->kind == VALUE_BOOLEAN)
        ret_value->boolean = flags & PACKED_TRUE;
    else if (ret_value->kind == VALUE_STRING)
        ret_value->string = unpack_text(unpacker);
    return flags;
}

static void unpack_texts(struct unpacker *unpacker, struct str_list *ret_list)
{
    ret_list->count = number_unpack(&unpacker->at);
    ret_list->items =
        arena_alloc_array(unpacker->arena, ret_list->count, sizeof(ret_list->items[0]));
    for (size_t i = 0; i < ret_list->count; i++)
        ret_list->items[i] = text_unpack(&unpacker->at, unpacker->arena);
}

static void unpack_list(struct unpacker *unpacker, const struct shape *shape,
                        struct any_list *ret_list)
{
    ret_list->count = number_unpack(&unpacker->at);
    ret_list->items = arena_alloc_array(unpacker->arena, ret_list->count, shape->size);
    for (size_t i = 0; i < ret_list->count; i++)
        unpack_fields(unpacker, shape, ret_list->items + i * shape->size);
}

static void *unpack_item(struct unpacker *unpacker, const struct shape *shape)
{
    void *item = arena_alloc(unpacker->arena, shape->size);

    unpack_fields(unpacker, shape, item);
    return item;
}

static void unpack_field(struct unpacker *unpacker, const struct field *field, void *member)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        *(struct str *)member = text_unpack(&unpacker->at, unpacker->arena);
        break;
    case FIELD_BOOL:
        *(bool *)member = true;
        break;
    case FIELD_INT:
        *(int64_t *)member = number_unpack_signed(&unpacker->at);
        break;
    case FIELD_TIME:
        *(uint64_t *)member =
            (uint64_t)number_unpack_signed(&unpacker->at) + (uint64_t)unpacker->near_s;
        break;
    case FIELD_NUM:
        *(double *)member = unpack_double(unpacker);
        break;
    case FIELD_VALUE:
        unpack_value(unpacker, member);
        break;
    case FIELD_CHOICE:
        *(int *)member = (int)number_unpack_signed(&unpacker->at);
        break;
    case FIELD_STRS:
    case FIELD_ENCODED:
        unpack_texts(unpacker, member);
        break;
    case FIELD_ITEM:
        *(void **)member = unpack_item(unpacker, field->child);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        unpack_list(unpacker, field->child, member);
        break;
    }
}

static void unpack_fields(struct unpacker *unpacker, const struct shape *shape, void *value)
{
    uint64_t present = number_unpack(&unpacker->at);

    for (size_t i = 0; present >> i != 0; i++) {
        const struct field *field = &shape->fields[i];
        if (present >> i & 1)
            unpack_field(unpacker, field, (char *)value + field->offset);
    }
}

static struct str unpack_license_arn(struct unpacker *unpacker, const struct subscription *record)
{
    uint64_t number = number_unpack(&unpacker->at);

    if (number == 0)
        return text_unpack(&unpacker->at, unpacker->arena);
    struct str after = words_text(unpacker->words, number);
    const char *account = after.len > 0 ? memchr(after.ptr, '\0', after.len) : NULL;
    struct str before = account ? str_from(after.ptr, (size_t)(account - after.ptr)) : STR_NONE;
    if (account)
        after = str_from(account + 1, after.len - before.len - 1);
    return arena_printf(unpacker->arena, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(before),
                        STR_ARG(account ? record->account_id : STR_NONE), STR_ARG(after),
                        STR_ARG(record->license_key));
}

static void unpack_handles(struct unpacker *unpacker, unsigned flags, struct subscription *record)
{
    record->id = text_unpack(&unpacker->at, unpacker->arena);
    if (flags & PACKED_TENANT)
        record->tenant = text_unpack(&unpacker->at, unpacker->arena);
    if (flags & PACKED_ACCOUNT)
        record->account_id = text_unpack(&unpacker->at, unpacker->arena);
    if (flags & PACKED_CUSTOMER)
        record->customer_identifier = text_unpack(&unpacker->at, unpacker->arena);
    if (flags & PACKED_LICENSE)
        record->license_key = text_unpack(&unpacker->at, unpacker->arena);
    if (flags & PACKED_ALIASES)
        unpack_texts(unpacker, &record->aliases);
}

/* When an entitlement expires whose flags these are; *at leads behind its value. */
static inline int64_t unpack_expiry(unsigned flags, const unsigned char **at, int64_t before_s)
{
    if (flags & PACKED_SAME)
        return before_s;
    return flags & PACKED_EXPIRES ? narrow_unpack(at) : 0;
}

static inline void unpack_entitlement(struct unpacker *unpacker, int64_t before_s,
                                      struct entitlement *ret_entitlement)
{
    ret_entitlement->dimension = unpack_word(unpacker);
    unsigned flags = unpack_value(unpacker, &ret_entitlement->value);
    ret_entitlement->expires_at = unpack_expiry(flags, &unpacker->at, before_s);
}

static void unpack_entitlements(struct unpacker *unpacker, struct entitlement_list *ret_list)
{
    int64_t before_s = 0;

    ret_list->count = number_unpack(&unpacker->at);
    ret_list->items =
        arena_alloc_array(unpacker->arena, ret_list->count, sizeof(ret_list->items[0]));
    for (size_t i = 0; i < ret_list->count; i++) {
        unpack_entitlement(unpacker, before_s, &ret_list->items[i]);
        before_s = ret_list->items[i].expires_at;
    }
}

void unpack_subscription(const struct words *words, const unsigned char *packed,
                         struct arena *arena, struct subscription *ret_record)
{
    struct unpacker unpacker = {.words = words, .at = packed_id(packed), .arena = arena};

    *ret_record = (struct subscription){0};
    unpack_handles(&unpacker, packed_head(packed)->flags, ret_record);
    ret_record->version = narrow_unpack(&unpacker.at);
    ret_record->product_code = unpack_word(&unpacker);
    ret_record->verified_at = unpacker.near_s = narrow_unpack(&unpacker.at);
    unpack_entitlements(&unpacker, &ret_record->entitlements);
    ret_record->license_arn = unpack_license_arn(&unpacker, ret_record);
    unpack_fields(&unpacker, &shape_subscription, ret_record);
}

static const unsigned char *find_body(const unsigned char *packed)
{
    const struct packed_head *head = packed_head(packed);
    const unsigned char *at = packed_id(packed);
    int handles = 1 + __builtin_popcount(head->flags & (PACKED_ALIASES - 1));

    if (head->body != 0)
        return packed + head->body;
    while (handles-- > 0)
        at = text_end(at);
    for (uint64_t left = head->flags & PACKED_ALIASES ? number_unpack(&at) : 0; left > 0; left--)
        at = text_end(at);
    return at;
}

int64_t packed_version(const unsigned char *packed)
{
    const unsigned char *at = find_body(packed);

    return narrow_unpack(&at);
}

void unpack_override(const struct words *words, const unsigned char *packed, struct arena *arena,
                     struct override *ret_override)
{
    struct unpacker unpacker = {.words = words, .at = packed_id(packed), .arena = arena};
    *ret_override = (struct override){.id = text_unpack(&unpacker.at, arena)};

    ret_override->created_at = unpacker.near_s = number_unpack_signed(&unpacker.at);
    unpack_fields(&unpacker, &shape_override, ret_override);
}

static struct str unpack_lean_id(const unsigned char *at, struct lean_subscription *lean,
                                 struct arena *arena)
{
    if (text_unpack_id(&at, lean->id))
        return str_from(lean->id, TEXT_ID_LEN);
    return text_unpack(&at, arena);
}

void unpack_lean(const struct words *words, const unsigned char *packed, struct str dimension,
                 struct arena *arena, struct lean_subscription *ret_lean)
{
    struct unpacker unpacker = {
        .words = words, .at = packed + packed_head(packed)->body, .arena = arena};
    struct subscription *record = &ret_lean->record;
    struct entitlement *entitlement = &ret_lean->entitlement;

    record->id = unpack_lean_id(packed_id(packed), ret_lean, arena);
    record->version = narrow_unpack(&unpacker.at);
    record->product_code = unpack_word(&unpacker);
    record->verified_at = narrow_unpack(&unpacker.at);
    record->entitlements.items = entitlement;
    for (uint64_t left = number_unpack(&unpacker.at); left > 0; left--) {
        record->entitlements.count = 1;
        unpack_entitlement(&unpacker, entitlement->expires_at, entitlement);
        if (str_eq(entitlement->dimension, dimension))
            break;
    }
}

/* Where it ends; NULL: it does not stand as it is. */
static inline const unsigned char *peek_word(const struct words *words, const unsigned char *at,
                                             struct str *ret_text)
{
    uint64_t number = number_unpack(&at);

    if (number == 0)
        return text_peek(at, ret_text);
    *ret_text = words_text(words, number);
    return at;
}

static inline const unsigned char *value_end(const unsigned char *at)
{
    unsigned flags = *at++, kind = flags & PACKED_KIND;

    if (kind == VALUE_INTEGER)
        at += packed_width(flags);
    else if (kind == VALUE_DOUBLE)
        at += sizeof(double);
    else if (kind == VALUE_STRING)
        at = text_end(at);
    return at;
}

/* The value of the first entitlement of the dimension, or NULL; and when the one before expires. */
static inline const unsigned char *find_dimension(const struct words *words,
                                                  const unsigned char *at, struct str dimension,
                                                  int64_t *ret_before_s)
{
    struct str found;

    *ret_before_s = 0;

    for (uint64_t left = number_unpack(&at); left > 0; left--) {
        at = peek_word(words, at, &found);
        if (!at || texts_are_equal(found, dimension))
            return at;
        unsigned flags = *at;
        at = value_end(at);
        *ret_before_s = unpack_expiry(flags, &at, *ret_before_s);
    }
    return NULL;
}

bool unpack_plain(const struct words *words, const unsigned char *packed,
                  const struct decide_question *question, char id[TEXT_ID_LEN],
                  struct decide_plain_fact *ret_fact)
{
    const unsigned char *at = packed + packed_head(packed)->body;
    struct str product;
    int64_t before_s;

    narrow_unpack(&at); /* the version */
    at = peek_word(words, at, &product);
    if (!at || (question->product.len > 0 && !texts_are_equal(product, question->product)))
        return false;
    ret_fact->verified_at = narrow_unpack(&at);
    at = find_dimension(words, at, question->dimension, &before_s);
    if (!at || (*at & PACKED_KIND) == VALUE_STRING)
        return false;
    struct unpacker unpacker = {.at = at};
    unsigned flags = unpack_value(&unpacker, &ret_fact->value);
    ret_fact->expires_at = unpack_expiry(flags, &unpacker.at, before_s);

    at = packed_id(packed);
    if (!text_unpack_id(&at, id))
        return text_peek(at, &ret_fact->subscription) != NULL;
    ret_fact->subscription = str_from(id, TEXT_ID_LEN);
    return true;
}
