/* INI text, pair by pair. Sole user of inih.
 *
 * inih gives no line number and Debian's build cuts long names in silence, so lines are counted and
 * limits checked here, before inih sees them: what is too long is an error, never cut.
 */
#ifndef COMMON_CONFIG_INI_H
#define COMMON_CONFIG_INI_H

#include "common/base/error.h"
#include "common/base/str.h"

/* Called for every "name = value"; section is "" before the first one. A line indented deeper than
 * the pair above it continues it: it comes as one more pair of the same name, its text the value.
 * " ;" starts a comment. Return -1 with a sentence to stop. The views live until the visitor
 * returns. */
typedef int ini_visit_fn(void *arg, struct str section, struct str name, struct str value,
                         unsigned line, struct error *error);

/* Every sentence begins with "line N: ". Not for two threads at once (inih is set up by globals).
 */
int ini_read(struct str text, ini_visit_fn *visit, void *arg, struct error *error);

#endif
