/* The live processes: they announce themselves and are forgotten when they fall silent. In
 * memory only; after a restart everybody is back within one interval. */
#ifndef SERVICES_STORE_WORK_PRESENCE_H
#define SERVICES_STORE_WORK_PRESENCE_H

#include "common/base/arena.h"
#include "proto/message.h"

/* How often a process is expected to announce itself, and how many times it may fail to. */
enum { PRESENCE_INTERVAL_MS = 3000, PRESENCE_MISSES = 3 };

struct presence;

struct presence *presence_new(void);
void presence_free(struct presence *presence); /* takes NULL */
/* Copies what it is told. */
void presence_announce(struct presence *presence, const struct announce_params *params,
                       int64_t now_mono_ms);
/* The live processes, borrowed until the next call of any function here; empty: of any daemon. */
struct peer_list presence_list(struct presence *presence, struct str daemon, int64_t now_mono_ms,
                               struct arena *arena);

/* The figures of live processes that announced any; borrowed like that. */
struct process_figures_list presence_figures(struct presence *presence, int64_t now_mono_ms,
                                             struct arena *arena);

#endif
