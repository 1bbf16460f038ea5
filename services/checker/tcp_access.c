/* Over TCP only the keys of a list are let in; that others tried is an event for the journal. */
#include "services/checker/checker.h"

static void on_refused(void *arg, const char *last, uint64_t count)
{
    struct checker *checker = arg;

    audit_refused_by(checker->audit, ADMISSION_REFUSAL, last, count);
}

int checker_guard(struct checker *checker, const struct config_list *addresses, struct error *error)
{
    const struct admission_options options = {
        .loop = checker->daemon->loop,
        .context = checker->sockets,
        .allowed_keys = settings_allowed_keys(checker->settings, "checker", &checker->arena),
        .on_refused = on_refused,
        .arg = checker};

    return curve_before_bind(&checker->admission, addresses,
                             settings_certificate(checker->settings, "checker", &checker->arena),
                             &options, error);
}
