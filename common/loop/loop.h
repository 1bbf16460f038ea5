/* The reactor: one thread waits for descriptors, ZeroMQ sockets and timers and calls back.
 *
 * Sole user of CZMQ (zloop). Callbacks run on the thread that runs the loop; none may block.
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
typedef void loop_socket_fn(void *arg, void *socket);
typedef void loop_timer_fn(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* takes NULL */

/* Watches a descriptor for LOOP_READ and/or LOOP_WRITE; calling again changes the events or the
 * callback. A descriptor is reported while the condition lasts (level-triggered). */
void loop_watch_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg);
void loop_unwatch_fd(struct loop *loop, int fd);

/* Watches a raw libzmq socket; the callback must read until EAGAIN or is called again. */
void loop_watch_socket(struct loop *loop, void *socket, int events, loop_socket_fn *fn, void *arg);
void loop_unwatch_socket(struct loop *loop, void *socket);

/* One shot, after delay_ms on the monotonic clock. The timer is gone when its callback is
 * called; until then it belongs to the caller, which may cancel it. */
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg);
void loop_cancel(struct loop_timer *timer); /* takes NULL */

/* Runs until loop_stop(). SIGTERM and SIGINT, if loop_stop_on_signals() was called, stop it too. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_stop_on_signals(struct loop *loop);

/* Calls fn once on the next turn of the loop: work that must not run inside the current callback.
 */
void loop_soon(struct loop *loop, loop_timer_fn *fn, void *arg);

#endif
