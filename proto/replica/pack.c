#include "proto/replica/pack.h"

#include "proto/record/record.h"
#include "proto/replica/pack_internal.h"

static void pack_word(const struct packer *packer, struct str text)
{
    uint32_t number = words_number(packer->words, text);

    number_pack(packer->out, number);
    if (number == 0)
        text_pack(packer->out, text);
}

/* The ARN's account may be the buyer's; its place holds a NUL then, which no text has. */
static struct str arn_pattern(const struct subscription *record, struct str prefix, char *place)
{
    const char *account =
        record->account_id.len > 0 && prefix.len <= WORD_LEN_MAX
            ? memmem(prefix.ptr, prefix.len, record->account_id.ptr, record->account_id.len)
            : NULL;

    if (!account)
        return prefix;
    size_t before = (size_t)(account - prefix.ptr);
    size_t after = prefix.len - before - record->account_id.len;
    memcpy(place, prefix.ptr, before);
    place[before] = '\0';
    memcpy(place + before + 1, account + record->account_id.len, after);
    return str_from(place, before + 1 + after);
}

static bool is_its_own_key(struct str handle)
{
    return str_eq(handle_key(handle), handle);
}

/* Whether it makes an ARN of a licence key that is put behind it, as handle_key() would find. */
static bool is_license_prefix(struct str prefix)
{
    static const struct str service = STR_INIT(":license-manager:");

    return prefix.len > 0 && prefix.ptr[0] > ' ' && prefix.ptr[prefix.len - 1] == ':' &&
           memmem(prefix.ptr, prefix.len, service.ptr, service.len);
}

/* The word for what stands before the licence key; 0: none does. */
static uint32_t prefix_number(const struct packer *packer, const struct subscription *record)
{
    struct str arn = record->license_arn, key = record->license_key;
    size_t before = arn.len - key.len;
    char place[WORD_LEN_MAX + 1];

    if (key.len == 0 || arn.len < key.len || !bytes_are_equal(arn.ptr + before, key.ptr, key.len))
        return 0;
    uint32_t number = words_recent(packer->words, str_from(arn.ptr, before));
    if (number != 0 || memchr(arn.ptr, '\0', arn.len))
        return number;
    return words_number(packer->words, arn_pattern(record, str_from(arn.ptr, before), place));
}

/* Nearly always a beginning that many share, and the licence key. False: the ARN is not found by
 * that key. */
static bool pack_license_arn(const struct packer *packer, const struct subscription *record)
{
    struct str arn = record->license_arn, key = record->license_key;
    uint32_t number = prefix_number(packer, record);

    number_pack(packer->out, number);
    if (number == 0)
        text_pack(packer->out, arn);
    else if (number == packer->words->license_prefix)
        return true;
    if (number != 0 && is_license_prefix(str_from(arn.ptr, arn.len - key.len))) {
        /* With an account in it, each makes a text of its own. */
        if (words_text(packer->words, number).len == arn.len - key.len)
            packer->words->license_prefix = number;
        return true;
    }
    return arn.len == 0 || str_eq(handle_key(arn), key);
}

/* Each dimension stands once, nearly always; of many entitlements it is not found out. */
static bool may_repeat_dimension(const struct entitlement_list *list)
{
    enum { MANY = 32 };

    for (size_t i = 1; i < list->count && list->count < MANY; i++) {
        for (size_t j = 0; j < i; j++) {
            if (str_eq(list->items[i].dimension, list->items[j].dimension))
                return true;
        }
    }
    return list->count >= MANY;
}

/* One that holds nothing may be known from an announcement alone, which its head does not tell. */
static bool is_unusual(const struct subscription *record)
{
    return record->entitlements.count == 0 || record->evidence || record->payment_failed_at != 0 ||
           record->successor.len > 0 || may_repeat_dimension(&record->entitlements);
}

/* Adds its flag, and that it has another spelling. What has a form of fixed size is its own key. */
static void pack_handle(struct buf *out, struct str handle, unsigned flag, unsigned *flags)
{
    if (handle.len == 0)
        return;
    *flags |= flag;
    if (text_pack_fixed(out, handle))
        return;
    text_pack(out, handle);
    if (!is_its_own_key(handle))
        *flags |= PACKED_UNUSUAL;
}

static void pack_license(struct buf *out, struct str license, unsigned *flags)
{
    size_t place = out->len;

    if (license.len == 0)
        return;
    *flags |= PACKED_LICENSE;
    text_pack(out, license);
    if ((unsigned char)out->data[place] != TEXT_LICENSE && !str_eq(license_key(license), license))
        *flags |= PACKED_UNUSUAL;
}

static void pack_aliases(struct buf *out, const struct str_list *aliases, unsigned *flags)
{
    if (aliases->count == 0)
        return;
    *flags |= PACKED_ALIASES;
    pack_texts(out, aliases);
    for (size_t i = 0; i < aliases->count; i++) {
        if (!is_its_own_key(aliases->items[i]))
            *flags |= PACKED_UNUSUAL;
    }
}

/* Where they end; their flags are added. */
static size_t pack_handles(const struct subscription *record, struct buf *out, unsigned *flags)
{
    text_pack(out, record->id);
    if (!is_its_own_key(record->id))
        *flags |= PACKED_UNUSUAL;
    pack_handle(out, record->tenant, PACKED_TENANT, flags);
    pack_handle(out, record->account_id, PACKED_ACCOUNT, flags);
    pack_handle(out, record->customer_identifier, PACKED_CUSTOMER, flags);
    pack_license(out, record->license_key, flags);
    pack_aliases(out, &record->aliases, flags);
    return out->len;
}

/* Nearly always all entitlements of an agreement end together. */
static void pack_entitlement(const struct packer *packer, const struct entitlement *entitlement,
                             int64_t before_s)
{
    unsigned flags = entitlement->expires_at == before_s ? PACKED_SAME
                     : entitlement->expires_at != 0      ? PACKED_EXPIRES
                                                         : 0;

    pack_word(packer, entitlement->dimension);
    pack_value(packer->out, &entitlement->value, flags);
    if (flags & PACKED_EXPIRES)
        narrow_pack(packer->out, entitlement->expires_at);
}

static void pack_entitlements(const struct packer *packer, const struct entitlement_list *list)
{
    int64_t before_s = 0;

    number_pack(packer->out, list->count);
    for (size_t i = 0; i < list->count; i++) {
        pack_entitlement(packer, &list->items[i], before_s);
        before_s = list->items[i].expires_at;
    }
}

static void pack_rest(const struct packer *packer, const struct subscription *record)
{
    struct subscription rest = *record;

    rest.id = rest.tenant = rest.account_id = rest.customer_identifier = STR_NONE;
    rest.license_key = rest.license_arn = rest.product_code = STR_NONE;
    rest.aliases = (struct str_list){NULL, 0};
    rest.entitlements = (struct entitlement_list){NULL, 0};
    rest.version = rest.verified_at = 0;
    pack_fields_of_subscription(packer, &rest);
}

void pack_subscription(struct words *words, const struct subscription *record, struct buf *out)
{
    const struct packer packer = {words, out, record->verified_at};
    struct packed_head head = {0};
    unsigned flags = is_unusual(record) ? PACKED_UNUSUAL : 0;

    buf_clear(out);
    buf_append(out, &head, sizeof(head));
    size_t body = pack_handles(record, out, &flags);
    narrow_pack(out, record->version);
    pack_word(&packer, record->product_code);
    narrow_pack(out, record->verified_at);
    pack_entitlements(&packer, &record->entitlements);
    if (!pack_license_arn(&packer, record))
        flags |= PACKED_UNUSUAL;
    pack_rest(&packer, record);

    /* Where the body begins is found without the head, too. */
    if (body <= UINT16_MAX)
        head.body = (uint16_t)body;
    else
        flags |= PACKED_UNUSUAL;
    head.flags = (unsigned char)flags;
    memcpy(out->data, &head, sizeof(head));
}

void pack_override(struct words *words, const struct override *override, struct buf *out)
{
    const struct packer packer = {words, out, override->created_at};
    struct packed_head head = {.body = 0};

    buf_clear(out);
    buf_append(out, &head, sizeof(head));
    text_pack(out, override->id);
    number_pack_signed(out, override->created_at);

    struct override rest = *override;
    rest.id = STR_NONE;
    rest.created_at = 0;
    pack_fields_of_override(&packer, &rest);
}
