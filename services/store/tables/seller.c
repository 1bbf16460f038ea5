#include "services/store/tables/seller.h"

#include "common/log/log.h"
#include "services/store/tables/journal.h"

static const char seller_key[] = "seller_account";

struct str seller_account(struct db *db, struct arena *arena)
{
    struct str account;

    return db_get(db, TABLE_META, str_of(seller_key), arena, &account) ? account : STR_NONE;
}

bool seller_takes(struct db *db, struct str account, struct error *error)
{
    struct arena arena = ARENA_INIT;
    struct str seller = seller_account(db, &arena);
    bool other = account.len > 0 && seller.len > 0 && !str_eq(account, seller);

    arena_done(&arena);
    if (other)
        error_set(error, "the call was signed by an account that is not the store's seller account "
                         "('entitlectl account' shows both): refused");
    return !other;
}

static void remember(struct change *change, struct str account, struct str text)
{
    db_put(change->db, TABLE_META, str_of(seller_key), account);
    journal_note(change, AUDIT_ACCOUNT, text);
}

bool seller_proves(struct change *change, struct str account, bool lists_something)
{
    struct str seller = seller_account(change->db, &change->arena);

    if (account.len == 0)
        return false;
    if (seller.len == 0 && lists_something) {
        log_info("the seller account is known now", LOG_MASKED("account", account));
        remember(change, account,
                 arena_printf(&change->arena, "seller account " STR_FMT, STR_ARG(account)));
        return true;
    }
    return str_eq(account, seller);
}

void seller_start(struct change *change, struct str configured)
{
    struct str seller = seller_account(change->db, &change->arena);

    if (seller.len == 0 && configured.len > 0)
        remember(change, configured,
                 arena_printf(&change->arena, "seller account " STR_FMT " of the settings",
                              STR_ARG(configured)));
    else if (configured.len > 0 && !str_eq(seller, configured))
        log_warning("aws.seller_account differs from the seller account that the store remembers; "
                    "the latter counts, and 'entitlectl account adopt' changes it",
                    LOG_MASKED("remembered", seller), LOG_MASKED("configured", configured));
}

void seller_adopt(struct change *change, struct str account, struct str reason)
{
    struct str before = seller_account(change->db, &change->arena);
    struct str text =
        arena_printf(&change->arena, "seller account " STR_FMT "%s" STR_FMT "%s" STR_FMT,
                     STR_ARG(account), before.len > 0 ? ", was " : "", STR_ARG(before),
                     reason.len > 0 ? ": " : "", STR_ARG(reason));

    if (str_eq(account, before))
        return;
    log_warning("another seller account is adopted", LOG_MASKED("account", account),
                LOG_MASKED("before", before), LOG_STR("author", change->origin.author));
    remember(change, account, text);
}
