/* entitled-sandbox: an AWS of one's own for development, demonstration and tests. It is no part of
 * a production system. */
#include "common/daemon/daemon.h"
#include "proto/settings/settings.h"
#include "services/sandbox/program.h"

int main(int argc, char **argv)
{
    static const struct daemon_option options[] = {
        {"listen", "ENTITLED_SANDBOX_LISTEN", "ADDRESS", "address to listen on"},
        {"port", "ENTITLED_SANDBOX_PORT", "N", "port to listen on (0: any free one)"},
        {"port-file", "ENTITLED_SANDBOX_PORT_FILE", "FILE", "written when ready: host:port"},
        {"world", "ENTITLED_SANDBOX_WORLD", "FILE", "the world to start from, as JSON"},
        {NULL, NULL, NULL, NULL},
    };
    const struct daemon sandbox = {
        .name = "entitled-sandbox",
        .summary = "is an AWS of one's own for development, demonstration and tests",
        .state_size = program_state_size,
        .schema = &settings_schema,
        .options = options,
        .start = program_start,
        .stop = program_stop,
        .log_level = settings_log_level,
    };

    return daemon_main(&sandbox, argc, argv);
}
