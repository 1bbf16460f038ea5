/* Any shape of messages.def as JSON, with the names and units that docs/protocol.md gives it; what
 * is absent is left out. */
#ifndef SERVICES_ENTITLECTL_PRINT_SHAPE_JSON_H
#define SERVICES_ENTITLECTL_PRINT_SHAPE_JSON_H

#include "common/json/json.h"
#include "proto/message.h"

struct json *shape_to_json(const struct shape *shape, const void *value);

#endif
