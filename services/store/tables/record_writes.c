#include "services/store/tables/record_writes.h"

#include "common/crypto/crypto.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/tables/handles.h"
#include "services/store/tables/journal.h"

static void index_handles(struct change *change, const struct subscription *before,
                          const struct subscription *after)
{
    struct handles old = {.count = 0}, new = {.count = 0};

    if (before)
        handles_collect(before, &old);
    if (after)
        handles_collect(after, &new);
    for (size_t i = 0; i < old.count; i++) {
        if (!handles_have(&new, old.items[i]))
            db_remove(change->db, TABLE_HANDLES,
                      handles_key(&change->arena, old.items[i], before->id));
    }
    for (size_t i = 0; i < new.count; i++) {
        if (!handles_have(&old, new.items[i]))
            db_put(change->db, TABLE_HANDLES, handles_key(&change->arena, new.items[i], after->id),
                   STR_NONE);
    }
}

static void write_row(struct change *change, const struct subscription *before,
                      const struct subscription *after)
{
    change_put(change, TABLE_SUBSCRIPTIONS, after->id, &shape_subscription, after);
    index_handles(change, before, after);
    change_wrote(change, after);
}

static struct str new_id(struct change *change)
{
    struct str id;

    do {
        unsigned char random[8];
        struct buf hex = BUF_INIT;
        crypto_random(random, sizeof(random));
        crypto_hex(&hex, random, sizeof(random));
        id = arena_printf(&change->arena, "s-%s", hex.data);
        buf_done(&hex);
    } while (db_has(change->db, TABLE_SUBSCRIPTIONS, id));
    return id;
}

static void journal(struct change *change, const struct subscription *before,
                    const struct subscription *after)
{
    struct buf text = BUF_INIT;

    record_describe_change(before, after, &text);
    journal_append(change, &(struct journal_entry){.subscription = after->id,
                                                   .version = after->version,
                                                   .change = buf_str(&text)});
    buf_done(&text);
}

void records_insert(struct change *change, struct subscription *record)
{
    record->id = new_id(change);
    record->version = 1;
    record->seq = change->seq;
    record->created_at = record->updated_at = change_now_s(change);
    write_row(change, NULL, record);
    journal(change, NULL, record);
}

static bool only_verified(const struct subscription *before, const struct subscription *after)
{
    struct subscription copy = *before;

    copy.verified_at = after->verified_at;
    return codec_equal(&shape_subscription, &copy, after);
}

enum record_write records_update(struct change *change, const struct subscription *before,
                                 struct subscription *after)
{
    if (codec_equal(&shape_subscription, before, after))
        return RECORD_SAME;
    bool silent = only_verified(before, after);

    after->version = before->version + 1;
    after->seq = change->seq;
    if (!silent)
        after->updated_at = change_now_s(change);
    write_row(change, before, after);
    if (silent)
        journal_append(
            change, &(struct journal_entry){.subscription = after->id, .version = after->version});
    else
        journal(change, before, after);
    return silent ? RECORD_VERIFIED : RECORD_CHANGED;
}

void records_verify(struct change *change, const struct subscription *before,
                    struct subscription *after)
{
    struct verified_record *verified = arena_alloc(&change->arena, sizeof(*verified));

    if (codec_equal(&shape_subscription, before, after))
        return;
    after->version = before->version + 1;
    after->seq = change->seq;
    write_row(change, before, after);
    if (!change->verified)
        journal_append(change, &(struct journal_entry){0});
    *verified = (struct verified_record){change->verified, arena_str(&change->arena, after->id)};
    change->verified = verified;
}

void records_remove_merged(struct change *change, const struct subscription *gone,
                           const struct subscription *survivor)
{
    db_remove(change->db, TABLE_SUBSCRIPTIONS, gone->id);
    index_handles(change, gone, NULL);
    change_removed(change, gone->id);
    struct str text = arena_printf(&change->arena, "merged into " STR_FMT, STR_ARG(survivor->id));
    journal_append(change, &(struct journal_entry){.subscription = gone->id, .change = text});
    journal_move(change, gone->id, survivor->id);
}
