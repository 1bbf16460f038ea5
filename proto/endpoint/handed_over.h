/* A message is handed from thread to thread by libzmq, whose atomics ThreadSanitizer does not see
 * in Debian's build: it is told here. Internal to endpoint. */
#ifndef PROTO_ENDPOINT_HANDED_OVER_H
#define PROTO_ENDPOINT_HANDED_OVER_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(thing) __tsan_release(thing)
#define TAKE_OVER(thing) __tsan_acquire(thing)
#else
#define HAND_OVER(thing) ((void)(thing))
#define TAKE_OVER(thing) ((void)(thing))
#endif

#endif
