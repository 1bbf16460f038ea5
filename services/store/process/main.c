/* entitled-store: owns all durable state and every shared decision: what AWS must be asked, who
 * asks, and whether its quota allows it. It makes no outbound connection, and is the only program
 * that links Berkeley DB. */
#include "common/daemon/daemon.h"
#include "proto/suite/keys_check.h"
#include "services/store/process/store.h"

int main(int argc, char **argv)
{
    static const struct daemon daemon = {
        .name = "entitled-store",
        .summary = "keeps what AWS said and decides what it is asked next",
        .state_size = sizeof(struct store),
        .schema = &settings_schema,
        .check_files = suite_check_store_keys,
        .start = store_start,
        .stop = store_stop,
        .log_level = settings_log_level,
    };

    return daemon_main(&daemon, argc, argv);
}
