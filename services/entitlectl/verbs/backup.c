/* backup: waits until the store has made and proved it. */
#include <inttypes.h>

#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/verbs/verbs.h"

enum { BACKUP_TIMEOUT_MS = 6 * 3600 * 1000 };

int verb_backup(struct ctl *ctl)
{
    struct backup_params params = {.directory = arguments_at(&ctl->arguments, 0),
                                   .author = ctl_author(ctl)};
    const void *result;

    if (ctl->timeout_ms == 0)
        ctl->timeout_ms = BACKUP_TIMEOUT_MS;
    int code = ctl_ask_store(ctl, METHOD_store_backup, &params, &result);
    if (code != EXIT_DONE)
        return code;
    const struct backup_result *backup = result;
    if (ctl->json)
        ctl_print_json(ctl, shape_to_json(&shape_backup_result, backup));
    else
        buf_printf(&ctl->out,
                   STR_FMT ": %" PRId64 " MiB up to commit %" PRId64 ", %" PRId64
                           " rows proved, in %.1f s\n",
                   STR_ARG(params.directory), backup->bytes >> 20, backup->seq, backup->entries,
                   (double)backup->took_ms / 1000);
    return EXIT_DONE;
}
