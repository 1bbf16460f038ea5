/* How much each caller may ask for: so much at once, and then as fast as it is refilled.
 *
 * A caller is whom ip_of_customer() tells apart.
 * Bounded: when there are too many callers the one that was not heard for longest is forgotten.
 */
#ifndef SERVICES_REGISTRAR_RATE_LIMIT_H
#define SERVICES_REGISTRAR_RATE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/ip.h"

struct rate_limit;

struct rate_limit *rate_limit_new(int64_t per_minute, size_t caller_limit);
void rate_limit_free(struct rate_limit *limit); /* takes NULL */

/* True: it may, and the cost is taken; a minute's worth may be taken at once. */
bool rate_limit_take(struct rate_limit *limit, const struct ip *caller, int64_t cost,
                     int64_t now_mono_ms);

#endif
