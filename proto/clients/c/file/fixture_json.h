/* JSON that a person wrote, as MessagePack for the codec: objects are shapes, keys their fields.
 *
 * Stricter than the codec, which reads what newer programs sent: a key that the shape does not have
 * is a slip of the pen. A time may be written as ISO 8601.
 */
#ifndef PROTO_CLIENTS_C_FILE_FIXTURE_JSON_H
#define PROTO_CLIENTS_C_FILE_FIXTURE_JSON_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "proto/message.h"

/* text is one object. The sentence names the line. */
int fixture_json_pack(struct str text, const struct shape *shape, struct buf *out,
                      struct error *error);

#endif
