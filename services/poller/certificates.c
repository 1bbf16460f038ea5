#include "services/poller/certificates.h"

#include <sys/queue.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/http/client/http_client.h"
#include "common/log/log.h"
#include "services/poller/cert_url.h"

enum {
    PLACES = 16,
    ANSWER_LIMIT = 64 * 1024, /* a chain has a few kilobytes */
    FETCH_TIMEOUT_MS = 5000,
    GOOD_FOR_MS = 24 * 3600 * 1000, /* then its chain is looked at again */
    BAD_FOR_MS = 60 * 1000,
    AWAY_FOR_MS = 5 * 1000
};

struct certificate_wait {
    LIST_ENTRY(certificate_wait) link;
    certificate_fn *fn;
    void *arg;
};

struct place {
    struct certificates *all;
    char *url;                    /* NULL: the place is free */
    enum certificate_state state; /* UNKNOWN while it is fetched */
    struct crypto_certificate *certificate;
    struct error why;
    int64_t expires_ms, used_ms;
    int64_t now_s; /* when it was asked for */
    struct http_call *call;
    bool issuer_asked;
    LIST_HEAD(, certificate_wait) waits;
};

struct certificates {
    struct http_client *client;
    struct crypto_trust *trust;
    struct place places[PLACES];
};

int certificates_new(struct certificates **ret, struct loop *loop, const char *ca_bundle,
                     struct error *error)
{
    struct crypto_trust *trust;

    if (crypto_trust_new(&trust, ca_bundle, error) < 0)
        return -1;
    struct certificates *certificates = mem_alloc_zero(sizeof(*certificates));
    certificates->trust = trust;
    certificates->client = http_client_new(loop, ca_bundle);
    for (size_t i = 0; i < PLACES; i++)
        certificates->places[i].all = certificates;
    *ret = certificates;
    return 0;
}

static void clear(struct place *place)
{
    struct certificates *all = place->all;

    mem_free(place->url);
    crypto_certificate_free(place->certificate);
    *place = (struct place){.all = all};
}

void certificate_wait_cancel(struct certificate_wait *wait)
{
    if (!wait)
        return;
    LIST_REMOVE(wait, link);
    mem_free(wait);
}

void certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return;
    http_client_free(certificates->client);
    for (size_t i = 0; i < PLACES; i++) {
        while (!LIST_EMPTY(&certificates->places[i].waits))
            certificate_wait_cancel(LIST_FIRST(&certificates->places[i].waits));
        clear(&certificates->places[i]);
    }
    crypto_trust_free(certificates->trust);
    mem_free(certificates);
}

static bool is_fetching(const struct place *place)
{
    return place->url && place->state == CERTIFICATE_UNKNOWN;
}

static bool is_over(const struct place *place, int64_t now_s)
{
    return !is_fetching(place) && (clock_mono_ms() >= place->expires_ms ||
                                   (place->state == CERTIFICATE_GOOD &&
                                    !crypto_certificate_is_valid_at(place->certificate, now_s)));
}

static struct place *find(struct certificates *certificates, struct str url)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (certificates->places[i].url && str_eq_text(url, certificates->places[i].url))
            return &certificates->places[i];
    }
    return NULL;
}

/* A free place, or that of what was not used for the longest; NULL: all are being fetched. */
static struct place *find_room(struct certificates *certificates)
{
    struct place *best = NULL;

    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &certificates->places[i];
        if (!place->url)
            return place;
        if (!is_fetching(place) && (!best || place->used_ms < best->used_ms))
            best = place;
    }
    return best;
}

static struct certificate_answer answer_of(const struct place *place)
{
    return (struct certificate_answer){
        .state = place->state, .certificate = place->certificate, .why = str_of(place->why.text)};
}

struct certificate_answer certificates_look(struct certificates *certificates, struct str url,
                                            int64_t now_s)
{
    struct place *place = find(certificates, url);

    if (place && is_over(place, now_s)) {
        clear(place);
        place = NULL;
    }
    if (place) {
        place->used_ms = clock_mono_ms();
        return answer_of(place);
    }
    if (!find_room(certificates))
        return (struct certificate_answer){.state = CERTIFICATE_AWAY,
                                           .why = STR("too many certificates are being fetched")};
    return (struct certificate_answer){.state = CERTIFICATE_UNKNOWN};
}

/* The certificate stays with the place only if it is good. */
static void settle(struct place *place, enum certificate_state state)
{
    struct certificate_wait *wait;

    place->state = state;
    place->expires_ms = clock_mono_ms() + (state == CERTIFICATE_GOOD  ? GOOD_FOR_MS
                                           : state == CERTIFICATE_BAD ? BAD_FOR_MS
                                                                      : AWAY_FOR_MS);
    if (state == CERTIFICATE_GOOD)
        log_info("a certificate of SNS is trusted", LOG_TEXT("url", place->url));
    else
        log_warning(state == CERTIFICATE_BAD ? "a certificate is not trusted as one of SNS's"
                                             : "a certificate of SNS cannot be fetched",
                    LOG_TEXT("url", place->url), LOG_TEXT("why", place->why.text));
    if (state != CERTIFICATE_GOOD)
        crypto_certificate_free(take(place->certificate));
    while ((wait = LIST_FIRST(&place->waits))) {
        struct certificate_answer answer = answer_of(place);
        certificate_fn *fn = wait->fn;
        void *arg = wait->arg;
        certificate_wait_cancel(wait);
        fn(arg, &answer);
    }
}

/* The names under which AWS's SDK for Java knows SNS's certificates (SignatureValidator and
 * SnsHostProvider of sns-message-manager): one for most regions, the others with their region. */
static bool is_for_sns(const struct crypto_certificate *certificate, struct str host)
{
    struct arena arena = ARENA_INIT;
    struct str domain = host;

    str_split(&domain, '.');
    const struct str names[] = {
        STR("sns.amazonaws.com"),
        host,
        arena_printf(&arena, "sns-signing." STR_FMT, STR_ARG(domain)),
        arena_printf(&arena, "sns-" STR_FMT, STR_ARG(domain)),
    };
    bool found = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        found = found || crypto_certificate_is_for(certificate, names[i]);
    arena_done(&arena);
    return found;
}

static void judge(struct place *place);

static bool is_away(const struct http_response *response)
{
    return (response->status == 0 && !response->too_long) || response->status == 408 ||
           response->status == 429 || response->status >= 500;
}

/* True if there is a whole answer to read; else the place is settled. */
static bool has_arrived(struct place *place, const struct http_response *response)
{
    place->call = NULL;
    if (response->status == 200)
        return true;
    if (response->status == 0)
        place->why = response->error;
    else
        error_set(&place->why, "the answer is %d", response->status);
    settle(place, is_away(response) ? CERTIFICATE_AWAY : CERTIFICATE_BAD);
    return false;
}

static void on_issuer(void *arg, const struct http_response *response)
{
    struct place *place = arg;

    if (!has_arrived(place, response))
        return;
    if (crypto_certificate_add_issuer(place->certificate, response->body, &place->why) < 0)
        settle(place, CERTIFICATE_BAD);
    else
        judge(place);
}

static void fetch(struct place *place, struct str url, http_done_fn *done)
{
    place->call = http_client_send(place->all->client,
                                   &(struct http_request){.method = "GET",
                                                          .url = url,
                                                          .timeout_ms = FETCH_TIMEOUT_MS,
                                                          .response_limit = ANSWER_LIMIT},
                                   done, place);
}

/* Returns false if the certificate does not say where its issuer's is, or names a strange host. */
static bool fetch_issuer(struct place *place)
{
    cleanup(buf_done) struct buf url = BUF_INIT;

    if (place->issuer_asked || !crypto_certificate_issuer_url(place->certificate, &url) ||
        !cert_url_is_issuers(buf_str(&url)))
        return false;
    place->issuer_asked = true;
    fetch(place, buf_str(&url), on_issuer);
    return true;
}

static void judge_chain(struct place *place)
{
    enum crypto_chain chain = crypto_certificate_check_chain(place->certificate, place->all->trust,
                                                             place->now_s, &place->why);

    if (chain == CRYPTO_CHAIN_GOOD)
        settle(place, CERTIFICATE_GOOD);
    else if (chain != CRYPTO_CHAIN_ISSUER_MISSING || !fetch_issuer(place))
        settle(place, CERTIFICATE_BAD);
}

static void judge(struct place *place)
{
    struct str url = str_of(place->url);

    if (!crypto_certificate_is_valid_at(place->certificate, place->now_s)) {
        error_set(&place->why, "the certificate is not valid at this time");
        settle(place, CERTIFICATE_BAD);
    } else if (!is_for_sns(place->certificate, cert_url_host(url))) {
        error_set(&place->why, "the certificate was not issued to SNS");
        settle(place, CERTIFICATE_BAD);
    } else if (cert_url_kind(url) == CERT_URL_LOCAL) {
        settle(place, CERTIFICATE_GOOD);
    } else {
        judge_chain(place);
    }
}

static void on_certificate(void *arg, const struct http_response *response)
{
    struct place *place = arg;

    if (!has_arrived(place, response))
        return;
    if (crypto_certificate_parse(&place->certificate, response->body, &place->why) < 0)
        settle(place, CERTIFICATE_BAD);
    else
        judge(place);
}

static struct place *begin(struct certificates *certificates, struct str url, int64_t now_s)
{
    struct place *place = find_room(certificates);

    clear(place);
    place->url = str_dup(url);
    place->now_s = now_s;
    fetch(place, url, on_certificate);
    return place;
}

struct certificate_wait *certificates_ask(struct certificates *certificates, struct str url,
                                          int64_t now_s, certificate_fn *fn, void *arg)
{
    struct certificate_wait *wait = mem_alloc_zero(sizeof(*wait));
    struct place *place = find(certificates, url);

    if (!place)
        place = begin(certificates, url, now_s);
    wait->fn = fn;
    wait->arg = arg;
    LIST_INSERT_HEAD(&place->waits, wait, link);
    return wait;
}
