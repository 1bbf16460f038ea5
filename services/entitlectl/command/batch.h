/* A verb that acts on several things at once names and counts them, and asks the person at the
 * terminal. A script says --yes; --dry-run stops before anything is done. */
#ifndef SERVICES_ENTITLECTL_COMMAND_BATCH_H
#define SERVICES_ENTITLECTL_COMMAND_BATCH_H

#include "services/entitlectl/command/ctl.h"

/* The things that a verb is about to act on: "accept", "held end". */
struct batch {
    const char *verb;
    const char *thing;          /* one of them; the plural is made with an s */
    bool named;                 /* the one thing was named: it is not asked about */
    struct str_list ids, names; /* the id that the verb needs, and the line that a person reads */
    size_t capacity;
};

/* Both live as long as ctl, or longer. */
void batch_add(struct ctl *ctl, struct batch *batch, struct str id, struct str name);
/* A subscription: its id, and its product, licence and tenant beside it. */
void batch_add_record(struct ctl *ctl, struct batch *batch, const struct subscription *record);

/* EXIT_DONE and *ret_go: go on. EXIT_DONE without: there was nothing to do, or it was a dry run,
 * and this has been printed. EXIT_REFUSED: the person said no. EXIT_FAILED: there is no terminal to
 * ask at. */
int batch_confirm(struct ctl *ctl, const struct batch *batch, bool *ret_go);

/* The same for one thing: a concern ("no subscription is known as 'x'"), and the deed in spite of
 * it ("set it"). EXIT_DONE: go on. */
int batch_confirm_one(struct ctl *ctl, struct str concern, const char *deed);

#endif
