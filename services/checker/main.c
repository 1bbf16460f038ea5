/* entitled-checker: answers from memory what customers may use, and asks AWS what they bought. */
#include "proto/suite/keys_check.h"
#include "services/checker/checker.h"

int main(int argc, char **argv)
{
    static const struct daemon checker = {
        .name = "entitled-checker",
        .summary = "answers whether a customer may use a dimension, and keeps the answer fresh",
        .state_size = sizeof(struct checker),
        .schema = &settings_schema,
        .check_files = suite_check_checker_keys,
        .start = checker_start,
        .drain = checker_drain,
        .stop = checker_stop,
        .log_level = settings_log_level,
    };

    return daemon_main(&checker, argc, argv);
}
