/* MessagePack: encodes and decodes any shape of messages.def. Sole user of msgpack-c.
 *
 * Decoding never trusts: sizes are checked before anything is allocated, texts must be UTF-8
 * without NUL, limits and types are the table's. Readers ignore unknown map keys and surplus
 * trailing parameters; a word that an enumeration does not know reads as none.
 */
#ifndef PROTO_CODEC_CODEC_H
#define PROTO_CODEC_CODEC_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/str.h"
#include "proto/message.h"

/* A shape as a map with string keys: results, events, stored records. */
void codec_encode(const struct shape *shape, const void *value, struct buf *out);

/* bytes must be one whole map. Texts in *ret_value borrow from bytes, the rest is in the arena. */
int codec_decode(const struct shape *shape, struct str bytes, struct arena *arena, void *ret_value,
                 struct error *error);

/* Whether they are one whole map, whatever it holds: what an ENCODED list may pass on. */
bool codec_is_map(struct str bytes);

/* A copy of which everything lives in the arena. */
void codec_copy(const struct shape *shape, const void *value, struct arena *arena, void *ret_copy);
bool codec_equal(const struct shape *shape, const void *a, const void *b);

/* The MessagePack-RPC frames (msgpack-rpc specification): request [0, msgid, method, params],
 * response [1, msgid, error, result], notification [2, method, params]. */
enum frame_type { FRAME_REQUEST = 0, FRAME_RESPONSE = 1, FRAME_NOTIFICATION = 2 };

struct call_options {
    int64_t timeout_ms; /* relative; 0: none given */
    struct str trace;
};

/* An opened frame: what it is, and where its parts are. */
struct frame {
    enum frame_type type;
    uint32_t msgid;
    struct str method;           /* request and notification */
    struct call_options options; /* request; known once its parameters are read */
    struct str error_code;       /* response; empty: success */
    struct str error_message;
    struct str body; /* params or result, still closed */
};

/* Everything in *ret_frame borrows from bytes. */
int codec_open_frame(struct str bytes, struct frame *ret_frame, struct error *error);
/* Reads the body of an opened frame: positional parameters and the call's options, or a map. */
int codec_read_params(struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error);
int codec_read_result(const struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error);

void codec_write_request(struct buf *out, uint32_t msgid, const char *method,
                         const struct shape *shape, const void *params,
                         const struct call_options *options);
void codec_write_response(struct buf *out, uint32_t msgid, const struct shape *shape,
                          const void *result);
void codec_write_error(struct buf *out, uint32_t msgid, enum rpc_error code, struct str message);
void codec_write_notification(struct buf *out, const char *method, const struct shape *shape,
                              const void *params);

#endif
