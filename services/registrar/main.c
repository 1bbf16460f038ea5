/* entitled-registrar: the registration page, where AWS Marketplace sends a buyer with a token.
 *
 * It alone calls ResolveCustomer. It keeps nothing: what AWS said and what the buyer typed goes to
 * the store, and any number of registrars may stand behind one address. */
#include "common/daemon/daemon.h"
#include "proto/suite/keys_check.h"
#include "services/registrar/registrar.h"

int main(int argc, char **argv)
{
    const struct daemon registrar = {
        .name = "entitled-registrar",
        .summary = "takes in the buyers whom AWS Marketplace sends, and shows what they bought",
        .state_size = registrar_state_size,
        .schema = &settings_schema,
        .check = registrar_check,
        .check_files = suite_check_registrar_keys,
        .start = registrar_start,
        .drain = registrar_drain,
        .stop = registrar_stop,
        .log_level = settings_log_level,
    };

    return daemon_main(&registrar, argc, argv);
}
