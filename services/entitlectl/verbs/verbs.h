/* The verbs of entitlectl, declared in verbs.def.
 *
 * A verb returns the program's exit code and leaves its output in ctl->out; of a failure it leaves
 * the sentence in ctl->error.
 */
#ifndef SERVICES_ENTITLECTL_VERBS_VERBS_H
#define SERVICES_ENTITLECTL_VERBS_VERBS_H

#include "services/entitlectl/command/ctl.h"

#define VERB(run, ...) int run(struct ctl *ctl);
#include "services/entitlectl/verbs/verbs.def"

/* Both end with a row without a name. */
extern const struct verb verbs[];
extern const struct option global_options[];

#endif
