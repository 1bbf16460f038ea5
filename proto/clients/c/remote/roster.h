/* The checkers: those that the options name, those found in a directory, and those that checkers
 * report (describe).
 *
 * One roster for all connections of a client, changed and read by any thread. A view is a state
 * of it that does not change; its holder compares numbers to see whether there is a newer one.
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
    char *key;  /* that the checker must show; NULL: ipc */
    bool told;  /* reported by another checker; dropped when no report has it */
};

struct roster_view {
    atomic_uint holders;
    uint64_t number;
    struct roster_entry *entries;
    size_t count;
};

/* All but the last six under guard_call(). */
struct roster *roster_new(const struct entitled_options *options);
/* Looks into the directory again, if checkers are found there. */
void roster_look(struct roster *roster);
/* Takes up what the checker at this endpoint reports. */
void roster_learn(struct roster *roster, const char *endpoint,
                  const struct describe_result *description);

void roster_free(struct roster *roster); /* takes NULL */
/* Of all questions to its checkers. Lives with the roster. */
struct tally *roster_tally(struct roster *roster);
/* Whether a view is no longer the latest. */
bool roster_is_newer(const struct roster *roster, const struct roster_view *view);
struct roster_view *roster_hold(struct roster *roster);
void roster_release(struct roster_view *view); /* takes NULL */

/* Whether it is time to ask a checker for the others, or to look into the directory; true for one
 * caller only. */
bool roster_take_ask_turn(struct roster *roster, int64_t now_mono_ms);
bool roster_take_look_turn(struct roster *roster, int64_t now_mono_ms);

#endif
