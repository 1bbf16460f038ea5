/* What has been used once and must not be used again, remembered until it would have ended anyway.
 *
 * In memory, for a reference lives for minutes: after a restart, or at another registrar, one might
 * be used a second time by who has seen it. */
#ifndef SERVICES_REGISTRAR_SPENT_H
#define SERVICES_REGISTRAR_SPENT_H

#include "common/base/str.h"

struct spent;

/* At most limit are remembered; the oldest are forgotten first. */
struct spent *spent_new(size_t limit);
void spent_free(struct spent *spent); /* takes NULL */
/* False if it was used before. */
bool spent_use(struct spent *spent, struct str word, int64_t expires_s, int64_t now_s);
bool spent_was_used(const struct spent *spent, struct str word);

#endif
