#include "services/store/tables/contacts.h"

#include <string.h>

#include "common/log/log.h"
#include "proto/codec/codec.h"

/* A removed row's bytes would stay in the page until something else takes their place. */
static void erase(struct change *change, struct str id)
{
    struct str bytes;

    if (!db_get(change->db, TABLE_CONTACTS, id, &change->arena, &bytes))
        return;
    char *zeros = arena_alloc(&change->arena, bytes.len);
    db_put(change->db, TABLE_CONTACTS, id, str_from(zeros, bytes.len));
    db_remove(change->db, TABLE_CONTACTS, id);
}

void contacts_put(struct change *change, struct str id, const struct contact_field_list *fields)
{
    struct contact_result contact = {.fields = *fields};

    erase(change, id);
    if (fields->count > 0)
        change_put(change, TABLE_CONTACTS, id, &shape_contact_result, &contact);
}

void contacts_get(struct db *db, struct str id, struct arena *arena, struct contact_result *ret)
{
    struct error error;
    struct str bytes;

    *ret = (struct contact_result){0};
    if (!db_get(db, TABLE_CONTACTS, id, arena, &bytes))
        return;
    if (codec_decode(&shape_contact_result, bytes, arena, ret, &error) < 0)
        log_error("a contact cannot be read", LOG_STR("subscription", id),
                  LOG_TEXT("why", error.text));
}

void contacts_move(struct change *change, struct str from, struct str to)
{
    struct contact_result contact;

    contacts_get(change->db, from, &change->arena, &contact);
    erase(change, from);
    if (!db_has(change->db, TABLE_CONTACTS, to))
        contacts_put(change, to, &contact.fields);
}
