/* What changed lately: which ids each of the last commits touched, so that a follower that missed
 * some can ask for `changes` instead of everything.
 *
 * It holds an unbroken run of commits or nothing. Records themselves are looked up when asked for.
 */
#ifndef SERVICES_CHECKER_HISTORY_H
#define SERVICES_CHECKER_HISTORY_H

#include "common/base/arena.h"
#include "proto/message.h"

struct history;

enum history_kind { HISTORY_SUBSCRIPTION, HISTORY_OVERRIDE };

struct history *history_new(void);
void history_free(struct history *history); /* takes NULL */

/* Nothing before this state is known. */
void history_restart(struct history *history, int64_t seq);
/* A commit that follows on the last one; any other restarts. */
void history_add(struct history *history, const struct commit_event *event);
int64_t history_last(const struct history *history);

/* Visits, once or more often, every id touched after `since`. False: since lies before what is
 * held; nothing is visited. */
bool history_each(const struct history *history, int64_t since,
                  void (*visit)(void *arg, enum history_kind kind, struct str id), void *arg);

#endif
