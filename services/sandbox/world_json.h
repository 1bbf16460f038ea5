/* A world as JSON: what --world reads and the verb `world` writes. */
#ifndef SERVICES_SANDBOX_WORLD_JSON_H
#define SERVICES_SANDBOX_WORLD_JSON_H

#include "services/sandbox/world.h"

extern const char world_default_text[];

/* The queues stand beside the world (queue.h): "queues" is accepted and left to the caller.
 * With an error the world is half filled, to be dropped. */
int world_load(struct world *world, const struct json *object, struct error *error);
void world_save(const struct world *world, struct json *object);

/* The settings beside the lists: region, quota, ... */
int world_configure(struct world *world, const struct json *object, struct error *error);
/* What a product's settings may be, for world files and the verb `settings`. */
int product_configure(struct world *world, struct product *product, const struct json *object,
                      struct error *error);

/* {"seats": 10} or [{"dimension": "seats", "value": 10, "expires_at": ...}]. Dimensions must be the
 * product's. */
int entitlements_load(struct world *world, const struct product *product, struct grant *grant,
                      const struct json *value, struct error *error);
struct json *entitlements_save(const struct grant *grant);
struct json *value_json(const struct value *value);

#endif
