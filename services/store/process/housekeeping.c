/* Checkpoints, so that recovery stays short, and the removal of what is past its time. */
#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "services/store/methods/handlers.h"
#include "services/store/process/store.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/notifications.h"
#include "services/store/tables/tokens.h"

enum {
    TURN_MS = 1000,
    PRUNE_EVERY_MS = 60000,
    PRUNE_LIMIT = 1000,
    HEAD_EVERY_MS = 24 * 3600 * 1000,
};

static void prune(struct store *store)
{
    struct books *books = &store->books;
    struct change change;
    struct error error;

    change_begin(&change, books->db, books->seq, clock_wall_ms());
    uint64_t writes = db_writes(books->db);
    int64_t now_s = steady_clock_now_s(&store->steady_clock, &change, clock_mono_ms());
    int64_t before_s = now_s - store->settings->store.journal_retention_ms / 1000;
    size_t tokens = tokens_prune(&change, now_s, PRUNE_LIMIT);
    size_t entries = journal_prune(&change, before_s, PRUNE_LIMIT);
    size_t messages = notifications_prune(&change, before_s, PRUNE_LIMIT);
    if (db_writes(books->db) != writes && change_commit(&change, &error) < 0)
        log_error("old entries could not be removed", LOG_TEXT("why", error.text));
    change_done(&change);
    /* A full turn: there is more. */
    if (tokens == PRUNE_LIMIT || entries == PRUNE_LIMIT || messages == PRUNE_LIMIT)
        store->prune_at_mono_ms = clock_mono_ms();
}

/* What leaves the store with its log: somebody who rewrites the journal cannot rewrite that too. */
static void export_head(struct store *store)
{
    struct arena arena = ARENA_INIT;
    struct buf head = BUF_INIT;
    struct str place;
    unsigned char hash[CHAIN_HASH_SIZE];

    if (chain_head(store->books.db, &arena, &place, hash)) {
        buf_append_str(&head, place_text(&arena, place));
        buf_append_char(&head, ':');
        crypto_hex(&head, hash, sizeof(hash));
        log_info("the journal's head", LOG_STR("head", buf_str(&head)));
    }
    buf_done(&head);
    arena_done(&arena);
}

static void on_turn(void *arg)
{
    struct store *store = arg;
    int64_t now_ms = clock_mono_ms();
    bool by_time = now_ms >= store->checkpoint_at_mono_ms;

    db_checkpoint(store->books.db, by_time ? 0 : store->settings->store.log_limit);
    if (by_time)
        store->checkpoint_at_mono_ms = now_ms + store->settings->store.checkpoint_interval_ms;
    if (now_ms >= store->prune_at_mono_ms) {
        store->prune_at_mono_ms = now_ms + PRUNE_EVERY_MS;
        prune(store);
    }
    if (now_ms >= store->head_at_mono_ms) {
        store->head_at_mono_ms = now_ms + HEAD_EVERY_MS;
        export_head(store);
    }
    store_start_housekeeping(store);
}

void store_start_housekeeping(struct store *store)
{
    if (store->checkpoint_at_mono_ms == 0)
        store->checkpoint_at_mono_ms =
            clock_mono_ms() + store->settings->store.checkpoint_interval_ms;
    store->housekeeping_timer = loop_after(store->context->loop, TURN_MS, on_turn, store);
}
