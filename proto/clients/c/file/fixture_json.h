/* JSON that a person wrote, as MessagePack for the codec: objects are shapes, keys their fields.
 *
 * Stricter than the codec, which also reads messages of newer programs: here an unknown key is a
 * typing mistake. A time may be written as ISO 8601.
 */
#ifndef PROTO_CLIENTS_C_FILE_FIXTURE_JSON_H
#define PROTO_CLIENTS_C_FILE_FIXTURE_JSON_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "proto/message.h"

/* text is one object. The error names the line. */
int fixture_json_pack(struct str text, const struct shape *shape, struct buf *out,
                      struct error *error);

#endif
