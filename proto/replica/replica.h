/* A copy of everything the store knows, in memory, indexed by every handle.
 *
 * One writer, any number of readers that never lock: a reader enters a section, finds, decides on
 * what it found, leaves. What it found stays as it was until it leaves. Shared by the checker and
 * the client library's in-process mode.
 */
#ifndef PROTO_REPLICA_REPLICA_H
#define PROTO_REPLICA_REPLICA_H

#include "common/base/arena.h"
#include "proto/decide/decide.h"
#include "proto/replica/index.h"
#include "proto/replica/text.h"

struct replica;
struct replica_reader; /* one per reading thread */

struct replica *replica_new(void);
void replica_free(struct replica *replica); /* no reader may be left; takes NULL */

/* The writer's side: one thread. A record whose version is not higher than the one that is there
 * changes nothing, so that a snapshot and the feed may come in any order. */
void replica_put(struct replica *replica, const struct subscription *record);
/* Likewise, faster than one by one. */
void replica_put_all(struct replica *replica, const struct subscription *records, size_t count);
void replica_remove(struct replica *replica, struct str subscription_id);
void replica_put_override(struct replica *replica, const struct override *override);
void replica_remove_override(struct replica *replica, struct str override_id);
void replica_clear(struct replica *replica); /* a new incarnation */
/* The same, but what was there goes on answering beside what comes now, until it is let go
 * (decide_prefers_kept()), and no longer than the policy's grace. Writing and walking are about
 * what comes now only. */
void replica_set_aside(struct replica *replica, int64_t now_s);
void replica_let_go(struct replica *replica); /* of it, if there is any */
bool replica_has_kept(const struct replica *replica);
/* Since when the store has been catching up with AWS; 0: it has. Meanwhile answers are stale, and
 * there is no refusal for what it may not know yet. */
void replica_set_catching_up(struct replica *replica, int64_t since_s);
size_t replica_count(const struct replica *replica);
/* Taken from the system for records and indexes. What is freed of it is used again. */
size_t replica_bytes(const struct replica *replica);

/* The first with an id behind this one, in order, for the snapshot that a checker serves; NULL at
 * the end. It lives with the arena, and until the next write. Writer's thread only. */
const struct subscription *replica_next(const struct replica *replica, struct str after_id,
                                        struct arena *arena);
/* Likewise, one after the other. */
const struct override *replica_next_override(const struct replica *replica, struct str after_id,
                                             struct arena *arena);
/* The same of what was set aside. */
const struct subscription *replica_next_kept(const struct replica *replica, struct str after_id,
                                             struct arena *arena);
const struct override *replica_next_kept_override(const struct replica *replica,
                                                  struct str after_id, struct arena *arena);

struct replica_reader *replica_reader_new(struct replica *replica);
void replica_reader_free(struct replica_reader *reader); /* takes NULL */
void replica_read_begin(struct replica_reader *reader);
void replica_read_end(struct replica_reader *reader);
/* Within a section: all that the handle leads to, successors and overrides included; if nothing,
 * what it led to in what was set aside. */
void replica_find(struct replica_reader *reader, struct str handle, struct arena *arena,
                  struct decide_facts *ret_facts);
/* As much of it as an answer to this question rests on: enough for decide() and
 * decide_subscribe_url(), and cheaper. */
void replica_find_for(struct replica_reader *reader, const struct decide_question *question,
                      struct arena *arena, struct decide_facts *ret_facts);

/* An answer in three stages, each of which asks for the memory that the next one reads. For many
 * questions, take all of them through one stage before the next, within one section: this waits
 * for memory once instead of once for each. */
struct replica_lookup {
    const struct decide_question *question; /* borrowed */
    const struct replica *replica;
    const struct contents *contents; /* the replica's own, as all below */
    struct handle handle;
    struct index_cursor records;
};

/* The lookup must stay where it is. */
void replica_seek(struct replica_reader *reader, const struct decide_question *question,
                  struct replica_lookup *ret_lookup);
void replica_fetch(struct replica_lookup *lookup);
/* Then: about how many records the handle leads to by itself, one that is alone not counted. */
size_t replica_breadth(const struct replica_lookup *lookup);
/* Once for each lookup, one of the two: the facts as replica_find_for() has them, or the answer. */
void replica_take(struct replica_lookup *lookup, struct arena *arena,
                  struct decide_facts *ret_facts);

/* What answers depend on beside the question and what is found. */
struct replica_guidance {
    struct policy policy;
    struct product_page_list products; /* see decide_subscribe_url() */
};

/* As decide() says, subscribe_url included; ERROR_NOT_READY while the store is catching up and may
 * not know what would be refused. Lives no longer than the section, the arena and the place for an
 * id. */
enum rpc_error replica_answer(struct replica_lookup *lookup,
                              const struct replica_guidance *guidance, int64_t now_s,
                              struct arena *arena, char id[TEXT_ID_LEN], struct answer *ret_answer,
                              struct error *error);

#endif
