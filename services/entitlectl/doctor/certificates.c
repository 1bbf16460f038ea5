/* The way to SNS's certificates, by which pollers check messages: one host by https and, for
 * intermediate certificates, one by plain http, each perhaps through a proxy of its own. */
#include "common/base/mem.h"
#include "common/http/client/http_client.h"
#include "services/entitlectl/doctor/doctor.h"

enum { ANSWER_LIMIT = 1 << 20 };

struct way {
    struct doctor *doctor;
    size_t place;
    const char *subject;
    bool encrypted;
};

static void on_answer(void *arg, const struct http_response *answer)
{
    const struct way *way = arg;
    struct doctor *doctor = way->doctor;
    /* An answer by https comes from SNS, whatever it says; by plain http it may come from a proxy.
     */
    bool open = answer->status == 200 || (way->encrypted && answer->status != 0);
    const char *why = answer->status
                          ? arena_printf(&doctor->ctl->arena, "HTTP status %d", answer->status).ptr
                          : answer->error.text;

    if (open)
        findings_add(&doctor->findings, way->place, FINDING_OK, "certificates",
                     str_of(way->subject), NULL, "it can be reached");
    else
        findings_add(&doctor->findings, way->place, FINDING_WRONG, "certificates",
                     str_of(way->subject),
                     "let the poller reach it: a firewall's rule, or HTTPS_PROXY and HTTP_PROXY",
                     "not reached: %s", why);
    if (--doctor->under_way == 0)
        loop_stop(doctor->loop);
}

static void look_at(struct doctor *doctor, struct http_client *http, const char *subject,
                    const char *url)
{
    const struct http_request request = {.method = "GET",
                                         .url = str_of(url),
                                         .timeout_ms = doctor->limit_ms,
                                         .response_limit = ANSWER_LIMIT};
    struct way *way = arena_alloc(&doctor->ctl->arena, sizeof(*way));

    *way = (struct way){doctor, doctor_place(doctor), subject,
                        str_starts_with(str_of(url), STR("https:"))};
    doctor->under_way++;
    http_client_send(http, &request, on_answer, way);
}

static bool is_wanted(const struct settings *settings)
{
    for (size_t i = 0; i < settings->queues.count; i++) {
        const struct settings_queue *queue = settings_queue_at(settings, i);
        if (queue->check_signatures && !queue->local_certificates)
            return true;
    }
    return false;
}

struct http_client *doctor_look_at_certificates(struct doctor *doctor)
{
    const struct settings *settings = doctor->ctl->settings;
    const char *ca_bundle = settings->aws.ca_bundle;

    if (!is_wanted(settings))
        return NULL;
    struct http_client *http = http_client_new(doctor->loop, ca_bundle[0] ? ca_bundle : NULL);
    look_at(doctor, http, "SNS", "https://sns.us-east-1.amazonaws.com/");
    look_at(doctor, http, "Amazon Trust Services",
            "http://crt.rootca1.amazontrust.com/rootca1.cer");
    return http;
}
