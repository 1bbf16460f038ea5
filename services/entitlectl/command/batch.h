/* The manners of a verb that acts on several at once: what is meant is named and counted, a person
 * at a terminal is asked, a script says --yes, and --dry-run stops before anything is done. */
#ifndef SERVICES_ENTITLECTL_COMMAND_BATCH_H
#define SERVICES_ENTITLECTL_COMMAND_BATCH_H

#include "services/entitlectl/command/ctl.h"

/* What a verb is about to do: "accept", "held end". */
struct batch {
    const char *verb;
    const char *thing;          /* one of them; of several it takes an s */
    bool named;                 /* the one thing was named itself: nothing to ask */
    struct str_list ids, names; /* what the verb needs of each, and the line that a person reads */
    size_t capacity;
};

/* Both live as long as ctl, or longer. */
void batch_add(struct ctl *ctl, struct batch *batch, struct str id, struct str name);
/* A subscription: its id, and its product, licence and tenant beside it. */
void batch_add_record(struct ctl *ctl, struct batch *batch, const struct subscription *record);

/* EXIT_DONE and *ret_go: go on. EXIT_DONE without: there is nothing to do, or it was a dry run; it
 * has been printed. EXIT_REFUSED: the person said no. EXIT_FAILED: there is nobody to ask. */
int batch_confirm(struct ctl *ctl, const struct batch *batch, bool *ret_go);

/* The same question about one thing: "nobody is known as 'x'" and what is done all the same: "set
 * it". EXIT_DONE: go on. */
int batch_confirm_one(struct ctl *ctl, struct str concern, const char *deed);

#endif
