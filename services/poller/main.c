/* entitled-poller: the only one that talks to SQS. Any number of them may read the same queues.
 *
 * It takes each message of each queue, has the store record it and mark what it concerns as due,
 * and then deletes it. It decides nothing and keeps nothing.
 */
#include "common/daemon/daemon.h"
#include "proto/suite/keys_check.h"
#include "services/poller/poller.h"

int main(int argc, char **argv)
{
    const struct daemon poller = {
        .name = "entitled-poller",
        .summary = "reads AWS Marketplace's notifications from SQS and tells the store",
        .state_size = poller_state_size,
        .schema = &settings_schema,
        .check = poller_check,
        .check_files = suite_check_poller_keys,
        .start = poller_start,
        .drain = poller_drain,
        .stop = poller_stop,
        .log_level = settings_log_level,
    };

    return daemon_main(&poller, argc, argv);
}
