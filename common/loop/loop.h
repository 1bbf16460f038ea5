/* The reactor: one thread waits for descriptors, sources and timers and calls back.
 *
 * The daemons and libentitled run on it. Callbacks run on the thread that runs the loop; none may
 * block.
 */
#ifndef COMMON_LOOP_LOOP_H
#define COMMON_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(void *arg, int fd, int events);
typedef bool loop_ready_fn(void *source, int events);
typedef void loop_source_fn(void *arg, void *source);
typedef void loop_timer_fn(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* takes NULL */

/* Watches a descriptor for LOOP_READ and/or LOOP_WRITE; calling again changes the events or the
 * callback. A descriptor is reported while the condition lasts (level-triggered); one that has an
 * error or was hung up is reported as readable and writable. Unwatch it before it is closed. */
void loop_watch_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg);
void loop_unwatch_fd(struct loop *loop, int fd);

/* Watches something whose descriptor becomes readable only when its state may have changed, and
 * which must be asked for that state: ready(source, events) before every wait. Calls back while it
 * is ready. Any use of the source may change its state, so a callback need not leave it unready.
 * Calling again changes the events or the callback; descriptor and ready stay as they were. */
void loop_watch_source(struct loop *loop, void *source, int fd, loop_ready_fn *ready, int events,
                       loop_source_fn *fn, void *arg);
void loop_unwatch_source(struct loop *loop, const void *source);

/* One shot, after delay_ms on the monotonic clock. The timer is gone when its callback is called;
 * until then it belongs to the caller, which may cancel it. Those of one delay are called in the
 * order in which they were set. */
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg);
void loop_cancel(struct loop_timer *timer); /* takes NULL */

/* Calls fn once on the next turn of the loop: work that must not run inside the current callback.
 */
void loop_soon(struct loop *loop, loop_timer_fn *fn, void *arg);

/* Turns until a callback calls loop_stop(), which leaves what else is ready and due to the next
 * turn. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Calls back what is due and ready; if nothing is, waits for it, at most timeout_ms (-1: any time).
 */
void loop_turn(struct loop *loop, int64_t timeout_ms);

/* A descriptor that is readable when loop_turn() has something to do; loop_settle() makes it so
 * before control leaves the thread that owns the loop. */
int loop_descriptor(struct loop *loop);
void loop_settle(struct loop *loop);

#endif
