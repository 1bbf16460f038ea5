/* Which checkers there are: those the options name, those found in a directory, and those that
 * checkers tell of (describe).
 *
 * One roster for all connections of a client, changed and read by any thread. A view is a state of
 * it that does not change; who holds one compares numbers to see whether there is a newer.
 */
#ifndef PROTO_CLIENTS_C_REMOTE_ROSTER_H
#define PROTO_CLIENTS_C_REMOTE_ROSTER_H

#include <stdatomic.h>

#include "proto/clients/c/call/options.h"
#include "proto/clients/c/call/tally.h"
#include "proto/message.h"

struct roster;

struct roster_entry {
    char *endpoint;
    char *feed; /* NULL: not known */
    char *key;  /* that must be shown there; NULL: ipc */
    bool told;  /* by another checker; goes when they no longer tell of it */
};

struct roster_view {
    atomic_uint holders;
    uint64_t number;
    struct roster_entry *entries;
    size_t count;
};

/* All under guard_call() but the last six. */
struct roster *roster_new(const struct entitled_options *options);
/* Looks into the directory again, if checkers are found there. */
void roster_look(struct roster *roster);
/* What the checker at this endpoint told. */
void roster_learn(struct roster *roster, const char *endpoint,
                  const struct describe_result *description);

void roster_free(struct roster *roster); /* takes NULL */
/* Of all questions to its checkers. Lives with the roster. */
struct tally *roster_tally(struct roster *roster);
/* Whether a view is no longer the latest. */
bool roster_is_newer(const struct roster *roster, const struct roster_view *view);
struct roster_view *roster_hold(struct roster *roster);
void roster_release(struct roster_view *view); /* takes NULL */

/* Whether it is time that somebody asks a checker for the others, or looks into the directory; true
 * for one caller only. */
bool roster_take_ask_turn(struct roster *roster, int64_t now_mono_ms);
bool roster_take_look_turn(struct roster *roster, int64_t now_mono_ms);

#endif
