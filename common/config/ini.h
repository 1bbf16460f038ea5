/* INI text, pair by pair. Sole user of inih.
 *
 * inih gives no line number and Debian's build cuts long names in silence, so lines are counted and
 * limits checked here, before inih sees them: what is too long is an error, never cut.
 */
#ifndef COMMON_CONFIG_INI_H
#define COMMON_CONFIG_INI_H

#include "common/base/error.h"
#include "common/base/str.h"

/* Called for every "name = value"; section is "" before the first one. Return -1 with a sentence to
 * stop; the reader puts the line in front of it. */
typedef int ini_visit_fn(void *arg, struct str section, struct str name, struct str value,
                         unsigned line, struct error *error);

int ini_read(struct str text, ini_visit_fn *visit, void *arg, struct error *error);

#endif
