/* What an operator asks of the store about itself. */
#include "services/store/handlers.h"
#include "services/store/indexes.h"

enum rpc_error on_check_indexes(struct work *work)
{
    const struct check_indexes_params *params = work->params;
    struct check_indexes_result *result = work->result;
    struct index_part part;

    work->change->origin.cause = params->author.len > 0 ? CAUSE_OPERATOR : CAUSE_STORE;
    work->change->origin.author = params->author;
    if (indexes_check(work->change->db, params->report_only ? NULL : work->change, params->position,
                      work->arena, &part) < 0) {
        error_set(work->error, "'position' must be the 'next' of a part before");
        return ERROR_BAD_REQUEST;
    }
    *result = (struct check_indexes_result){.index = str_of(part.rule->name),
                                            .entries = part.entries,
                                            .missing = part.missing,
                                            .surplus = part.surplus,
                                            .next = part.next};
    return ERROR_NONE;
}
