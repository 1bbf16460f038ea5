/* Any shape of messages.def as JSON, with the names and units of docs/protocol.md; absent members
 * are left out. */
#ifndef SERVICES_ENTITLECTL_PRINT_SHAPE_JSON_H
#define SERVICES_ENTITLECTL_PRINT_SHAPE_JSON_H

#include "common/json/json.h"
#include "proto/message.h"

struct json *shape_to_json(const struct shape *shape, const void *value);

#endif
