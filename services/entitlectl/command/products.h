/* Products as people name them: by the label in the settings, or the code. */
#ifndef SERVICES_ENTITLECTL_COMMAND_PRODUCTS_H
#define SERVICES_ENTITLECTL_COMMAND_PRODUCTS_H

#include "services/entitlectl/command/ctl.h"

/* The code of what `name` names; empty if that is. Of a product that is not in the settings (any
 * more) the code will do while the store has records of it. EXIT_REFUSED, with a sentence that
 * has the known ones, for a name of nothing. */
int products_code(struct ctl *ctl, struct str name, struct str *ret_code);
/* That of --product; empty if it was not given. */
int products_option(struct ctl *ctl, struct str *ret_code);

/* The label, or the code if there is none. */
struct str products_name(const struct ctl *ctl, struct str code);

#endif
