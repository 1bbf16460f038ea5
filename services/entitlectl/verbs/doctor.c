/* doctor: whether the suite has everything that it needs, for an operator on a host of its daemons.
 * Changes nothing, at AWS or here. */
#include "services/entitlectl/doctor/doctor.h"
#include "services/entitlectl/verbs/verbs.h"

enum { LIMIT_MS = 10000, LOCAL_LIMIT_MS = 3000 };

size_t doctor_place(struct doctor *doctor)
{
    return doctor->places++;
}

static void look_at_settings(struct doctor *doctor)
{
    const struct settings *settings = doctor->ctl->settings;
    size_t place = doctor_place(doctor);

    if (settings->products.count == 0)
        findings_add(&doctor->findings, place, FINDING_WRONG, "settings", STR_NONE,
                     "add a [product LABEL] with its code", "there is no product");
    if (settings->queues.count == 0)
        findings_add(&doctor->findings, place, FINDING_WARNING, "settings", STR_NONE,
                     "add a [queue LABEL] with its url",
                     "there is no queue: changes are seen by dates and sweeps only");
}

static void print(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;

    findings_sort(&doctor->findings);
    if (ctl->json)
        ctl_print_json(ctl, findings_json(&doctor->findings));
    else
        findings_write(&doctor->findings, &ctl->out);
}

static int exit_code(enum finding_level worst)
{
    if (worst == FINDING_WRONG)
        return EXIT_REFUSED;
    return worst == FINDING_UNKNOWN ? EXIT_FAILED : EXIT_DONE;
}

int verb_doctor(struct ctl *ctl)
{
    struct doctor doctor = {.ctl = ctl, .limit_ms = ctl->timeout_ms ? ctl->timeout_ms : LIMIT_MS};

    if (ctl->timeout_ms == 0)
        ctl->timeout_ms = LOCAL_LIMIT_MS;
    look_at_settings(&doctor);
    doctor_look_at_store(&doctor);
    doctor_look_at_checkers(&doctor);
    doctor_look_at_pollers(&doctor);
    doctor_look_at_aws(&doctor);
    print(&doctor);
    int code = exit_code(findings_worst(&doctor.findings));
    findings_done(&doctor.findings);
    /* A daemon that does not answer is a finding, not this program's failure. */
    ctl->error.text[0] = '\0';
    ctl->code = ERROR_NONE;
    return code;
}
