/* Rows of answers that are too large for one message, until `apply` comes with the rest of them. In
 * memory only: with the claim's lease they are gone. */
#ifndef SERVICES_STORE_WORK_PARTS_H
#define SERVICES_STORE_WORK_PARTS_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "proto/message.h"
#include "services/store/work/due.h"

struct parts;

enum {
    PARTS_ROWS_MAX = 25000,      /* of one answer; see messages.def */
    PARTS_BYTES_MAX = 128 << 20, /* of all that wait */
};

struct parts *parts_new(void);
void parts_free(struct parts *parts); /* takes NULL */

/* One that came before changes nothing. Sets the sentence if it is refused. Forgets those whose
 * claim is over. */
enum rpc_error parts_add(struct parts *parts, const struct due *due,
                         const struct apply_part_params *part, struct error *error);
/* All rows, in their order, behind each other; they live until the claim is over. False: those
 * parts are not here. */
bool parts_join(const struct parts *parts, const struct apply_params *answer, struct arena *arena,
                struct aws_entitlement_list *ret_rows);

#endif
