/* Products as people name them: by the label in the settings, or the code. */
#ifndef SERVICES_ENTITLECTL_COMMAND_PRODUCTS_H
#define SERVICES_ENTITLECTL_COMMAND_PRODUCTS_H

#include "services/entitlectl/command/ctl.h"

/* The product code for a label or code; empty if the name is. The code of a product that is not in
 * the settings works while the store has records of it. EXIT_REFUSED, with the known products in
 * the sentence, for an unknown name. */
int products_code(struct ctl *ctl, struct str name, struct str *ret_code);
/* That of --product; empty if it was not given. */
int products_option(struct ctl *ctl, struct str *ret_code);

/* The label, or the code if there is none. */
struct str products_name(const struct ctl *ctl, struct str code);

#endif
