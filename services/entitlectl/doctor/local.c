/* The suite itself: whether its daemons are present, answer, have one version and know of each
 * other. */
#include <inttypes.h>

#include "common/base/mem.h"
#include "proto/figures/figures.h"
#include "services/entitlectl/doctor/doctor.h"
#include "services/entitlectl/print/format.h"

enum { SILENT_S = 300, FEED_LATE_S = 10, HISTORY = 100 };

static void add(struct doctor *doctor, size_t place, enum finding_level level, const char *look,
                struct str subject, const char *advice, struct str text)
{
    findings_add(&doctor->findings, place, level, look, subject, advice, STR_FMT, STR_ARG(text));
}

static void look_at_version(struct doctor *doctor, size_t place, const char *look,
                            struct str subject, const struct describe_result *described)
{
    if (!str_eq_text(described->version, ENTITLED_VERSION))
        findings_add(&doctor->findings, place, FINDING_WARNING, look, subject,
                     "restart it with the installed program",
                     "runs version " STR_FMT ", this tool is of " ENTITLED_VERSION,
                     STR_ARG(described->version));
}

/* The store remembers the account that it believes; the settings name the account that the operator
 * means. */
static void look_at_seller(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    size_t place = doctor_place(doctor);
    struct str set = str_of(ctl->settings->aws.seller_account), remembered = STR_NONE;
    const char *look = "seller_account";
    struct nothing params;
    const void *result;

    if (!doctor->store_away &&
        ctl_ask_store(ctl, METHOD_store_seller, &params, &result) == EXIT_DONE)
        remembered = ((const struct seller_result *)result)->account;
    doctor->seller = remembered.len > 0 ? remembered : set;
    if (doctor->seller.len == 0)
        findings_add(&doctor->findings, place, FINDING_WARNING, look, STR_NONE,
                     "set seller_account in [aws]",
                     doctor->store_away ? "not known: neither the settings nor the store states it"
                                        : "not known until an answer of AWS lists something");
    else if (set.len > 0 && remembered.len > 0 && !str_eq(set, remembered))
        findings_add(&doctor->findings, place, FINDING_WRONG, look, STR_NONE,
                     "correct the settings, or 'entitlectl account adopt'",
                     "the store remembers " STR_FMT ", the settings say " STR_FMT,
                     STR_ARG(remembered), STR_ARG(set));
    else
        findings_add(&doctor->findings, place, FINDING_OK, look, STR_NONE, NULL, STR_FMT "%s",
                     STR_ARG(doctor->seller), remembered.len > 0 ? "" : " (as the settings say)");
}

/* Each concerns a customer who is served only until a limit, or who should not be served at all. */
static void look_at_held_ends(struct doctor *doctor)
{
    size_t place = doctor_place(doctor);

    if (!doctor->stats)
        return;
    double held = figure_of(&doctor->stats->counters, figure_entitled_ends_held, STR_NONE, -1);
    if (held < 0)
        findings_add(&doctor->findings, place, FINDING_UNKNOWN, "held_ends", STR_NONE, NULL,
                     "the store does not say");
    else if (held > 0)
        findings_add(&doctor->findings, place, FINDING_WRONG, "held_ends", STR_NONE,
                     "see 'entitlectl held' and 'entitlectl account', then 'held accept' what is "
                     "true and 'held refuse' what is not",
                     "undecided ends that nothing certain explains: %.0f; each customer is served "
                     "until the limit",
                     held);
    else
        findings_add(&doctor->findings, place, FINDING_OK, "held_ends", STR_NONE, NULL,
                     "no end waits to be decided");
}

static void look_at_losses(struct doctor *doctor, size_t place)
{
    double commits = doctor->stats ? figure_of(&doctor->stats->counters,
                                               figure_entitled_lost_commits, STR_NONE, 0)
                                   : 0;

    if (commits > 0)
        findings_add(&doctor->findings, place, FINDING_WRONG, "store", STR_NONE,
                     "check its disk; 'entitlectl journal' shows what must be entered again",
                     "it came back older than it was: %.0f commits that it had acknowledged are "
                     "lost to it",
                     commits);
}

void doctor_look_at_store(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    size_t place = doctor_place(doctor);
    struct nothing params;
    const void *result;

    if (ctl_ask_store(ctl, METHOD_store_describe, &params, &result) != EXIT_DONE) {
        doctor->store_away = arena_str(&ctl->arena, str_of(ctl->error.text)).ptr;
        findings_add(&doctor->findings, place, FINDING_WRONG, "store", STR_NONE,
                     "start entitled-store, or run this as a user who may use its socket", "%s",
                     doctor->store_away);
    } else {
        const struct describe_result *store = result;
        doctor->incarnation = store->incarnation;
        look_at_version(doctor, place, "store", STR_NONE, store);
        if (store->catching_up_since != 0)
            findings_add(
                &doctor->findings, place, FINDING_WARNING, "store", STR_NONE,
                "wait; if it persists, see 'entitlectl sweep --last' and the checkers' logs",
                "new, restored or older than it was: it has not caught up with AWS yet, and "
                "checkers that know more answer from their earlier copies");
        findings_add(&doctor->findings, place, FINDING_OK, "store", STR_NONE, NULL,
                     "version " STR_FMT ", incarnation " STR_FMT ", commit %" PRId64,
                     STR_ARG(store->version), STR_ARG(store->incarnation), store->seq);
    }
    if (!doctor->store_away &&
        ctl_ask_store(ctl, METHOD_store_stats, &params, &result) == EXIT_DONE)
        doctor->stats = result;
    look_at_losses(doctor, place);
    look_at_seller(doctor);
    look_at_held_ends(doctor);
}

static void judge_checker(struct doctor *doctor, size_t place, struct str name,
                          const struct describe_result *described, const struct stats_result *stats)
{
    double heard_s =
        figure_of(&stats->counters, figure_entitled_store_heard_age_seconds, STR_NONE, -1);
    bool other = doctor->incarnation.len > 0 && described->incarnation.len > 0 &&
                 !str_eq(doctor->incarnation, described->incarnation);

    look_at_version(doctor, place, "checker", name, described);
    if (!described->ready)
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", name,
                     "see its log: it needs the store and its feed",
                     "answers, but is not ready: its copy is not complete");
    else if (other)
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", name,
                     "see its log, and whether store_feed_endpoint is the same store's",
                     "follows another state (" STR_FMT ") than the store's",
                     STR_ARG(described->incarnation));
    else if (heard_s < 0 || heard_s > FEED_LATE_S)
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", name,
                     "is the store running, and store_feed_endpoint right?",
                     heard_s < 0
                         ? "has never heard the store's feed"
                         : "answers from what it knew %.0f s ago, when it last heard the store",
                     heard_s);
    else
        findings_add(&doctor->findings, place, FINDING_OK, "checker", name, NULL,
                     "ready at commit %" PRId64 ", heard the store %.1f s ago", described->seq,
                     heard_s);
    if (doctor->seller.len > 0 && stats->aws_account.len > 0 &&
        !str_eq(stats->aws_account, doctor->seller))
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", name,
                     "give it credentials of the seller account",
                     "signs as " STR_FMT " (" STR_FMT "), which is not the seller account",
                     STR_ARG(stats->aws_account), STR_ARG(stats->aws_credentials));
}

/* What the store has lost, as far as this checker knew it. */
static void judge_losses(struct doctor *doctor, size_t place, struct str name,
                         const struct counter_list *counters)
{
    double lost = figure_of(counters, figure_entitled_overrides_lost_total, STR_NONE, 0);
    double back = figure_of(counters, figure_entitled_overrides_back_total, STR_NONE, 0);
    double tenants = figure_of(counters, figure_entitled_tenants_lost_total, STR_NONE, 0);

    if (lost + back + tenants > 0)
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", name,
                     "see 'entitlectl journal' and its log, set them right, restart the checker",
                     "the store came back with less: %.0f overrides are lost, %.0f that were "
                     "removed are back, %.0f tenant ids are lost",
                     lost, back, tenants);
}

static void look_at_checker(struct doctor *doctor, const char *endpoint)
{
    struct ctl *ctl = doctor->ctl;
    size_t place = doctor_place(doctor);
    struct nothing params;
    const void *described, *stats;

    if (ctl_ask_at(ctl, endpoint, METHOD_query_describe, &params, &described) == EXIT_DONE &&
        ctl_ask_at(ctl, endpoint, METHOD_query_stats, &params, &stats) == EXIT_DONE) {
        judge_checker(doctor, place, format_process(endpoint), described, stats);
        judge_losses(doctor, place, format_process(endpoint),
                     &((const struct stats_result *)stats)->counters);
    } else {
        findings_add(&doctor->findings, place, FINDING_WRONG, "checker", format_process(endpoint),
                     "start it; if it was removed for good, remove its socket", "%s",
                     ctl->error.text);
    }
}

/* The checkers that the store knows, on this host or others. */
static void look_at_presence(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    size_t place = doctor_place(doctor);
    cleanup(buf_done) struct buf names = BUF_INIT;
    struct nothing params;
    const void *result;

    if (doctor->store_away)
        return;
    if (ctl_ask_store(ctl, METHOD_store_describe, &params, &result) != EXIT_DONE) {
        add(doctor, place, FINDING_UNKNOWN, "presence", STR_NONE, NULL, str_of(ctl->error.text));
        return;
    }
    const struct peer_list peers = ((const struct describe_result *)result)->peers;
    for (size_t i = 0; i < peers.count; i++)
        buf_printf(&names, "%s" STR_FMT "@" STR_FMT, i > 0 ? ", " : "",
                   STR_ARG(peers.items[i].name), STR_ARG(peers.items[i].host));
    if (peers.count == 0)
        findings_add(&doctor->findings, place, FINDING_WRONG, "presence", STR_NONE,
                     "start entitled-checker@1",
                     "no checker has announced itself to the store: nothing answers applications, "
                     "and AWS is not asked");
    else
        findings_add(&doctor->findings, place, FINDING_OK, "presence", STR_NONE, NULL,
                     "checkers: %s", names.data);
}

void doctor_look_at_checkers(struct doctor *doctor)
{
    struct config_list endpoints = ctl_checker_endpoints(doctor->ctl);

    look_at_presence(doctor);
    for (size_t i = 0; i < endpoints.count; i++)
        look_at_checker(doctor, endpoints.items[i]);
}

/* What the pollers tell the store of a queue. */
struct reading {
    size_t pollers; /* that read this queue */
    size_t paused;
    double age_s; /* of the last receive; -1: there was none */
};

static struct reading reading_of(const struct doctor *doctor, const struct settings_queue *queue)
{
    const struct str label = str_of(queue->label);
    struct reading reading = {.age_s = -1};

    for (size_t i = 0; i < doctor->stats->processes.count; i++) {
        const struct counter_list *counters = &doctor->stats->processes.items[i].counters;
        double is_paused = figure_of(counters, figure_entitled_queue_paused, label, -1);
        double age_s = figure_of(counters, figure_entitled_receive_age_seconds, label, -1);
        if (is_paused < 0)
            continue;
        reading.pollers++;
        reading.paused += is_paused > 0;
        if (age_s >= 0 && (reading.age_s < 0 || age_s < reading.age_s))
            reading.age_s = age_s;
    }
    return reading;
}

static void look_at_reading(struct doctor *doctor, const struct settings_queue *queue)
{
    struct reading reading = reading_of(doctor, queue);
    struct findings *findings = &doctor->findings;
    struct str label = str_of(queue->label);
    size_t place = doctor_place(doctor);

    if (reading.pollers == 0)
        findings_add(findings, place, FINDING_WRONG, "queue_reading", label,
                     "start entitled-poller@1", "no poller reads it");
    else if (reading.paused == reading.pollers)
        findings_add(findings, place, FINDING_WRONG, "queue_reading", label,
                     "see the poller's log, and what is said of the queue below",
                     "every poller has paused: AWS refused its calls");
    else if (reading.age_s < 0)
        findings_add(findings, place, FINDING_WARNING, "queue_reading", label,
                     "try again in a minute", "pollers: %zu, and none has received yet",
                     reading.pollers);
    else if (reading.age_s > SILENT_S)
        findings_add(findings, place, FINDING_WRONG, "queue_reading", label, "see the poller's log",
                     "the last receive was %.0f minutes ago", reading.age_s / 60);
    else
        findings_add(findings, place, FINDING_OK, "queue_reading", label, NULL,
                     "pollers: %zu, last receive %.0f s ago", reading.pollers, reading.age_s);
}

/* Whether anything ever arrived: the newest message of the queue in the store. */
static void look_at_feed(struct doctor *doctor, const struct settings_queue *queue,
                         const struct notification_list *latest)
{
    struct str label = str_of(queue->label);
    size_t place = doctor_place(doctor);
    cleanup(buf_done) struct buf when = BUF_INIT;

    for (size_t i = 0; i < latest->count; i++) {
        const struct notification *message = &latest->items[i];
        if (!str_eq(message->queue, label))
            continue;
        format_when(&when, message->received_at, doctor->ctl->now_s);
        findings_add(&doctor->findings, place, FINDING_OK, "queue_feed", label, NULL,
                     "the newest message, " STR_FMT ", came at %s", STR_ARG(message->type),
                     when.data);
        return;
    }
    findings_add(&doctor->findings, place, FINDING_WARNING, "queue_feed", label,
                 "if there are buyers: is the EventBridge rule's target, or the topics' "
                 "subscription, this queue?",
                 "none of the latest messages is of this queue");
}

void doctor_look_at_pollers(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    const struct history_params params = {.limit = HISTORY};
    const void *result = NULL;

    if (!doctor->stats)
        return;
    bool known = ctl_ask_store(ctl, METHOD_store_notifications, &params, &result) == EXIT_DONE;
    for (size_t i = 0; i < ctl->settings->queues.count; i++) {
        const struct settings_queue *queue = settings_queue_at(ctl->settings, i);
        look_at_reading(doctor, queue);
        if (known)
            look_at_feed(doctor, queue,
                         &((const struct notifications_result *)result)->notifications);
    }
}
