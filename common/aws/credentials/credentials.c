#include "common/aws/credentials/credentials.h"

#include "common/aws/credentials/refresh.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

static bool is_expired(const struct credentials *credentials, const struct keys *keys)
{
    return keys->expires_at_s != 0 &&
           keys->expires_at_s * 1000 <= aws_clock_now_ms(credentials->options.clock);
}

bool credentials_fresh(const struct credentials *credentials)
{
    return credentials->keys.access_key_id && !is_expired(credentials, &credentials->keys);
}

bool credentials_usable(const struct credentials *credentials)
{
    return credentials_fresh(credentials) ||
           (credentials->keys.access_key_id && credentials->source->type->outlives_expiry);
}

static void on_time(void *arg);

static int64_t left_ms(const struct credentials *credentials)
{
    return credentials->keys.expires_at_s * 1000 - aws_clock_now_ms(credentials->options.clock);
}

static bool is_time(const struct credentials *credentials)
{
    return credentials->options.clock->mono_ms() >= credentials->look_at_mono_ms ||
           (credentials->ahead && left_ms(credentials) <= REFRESH_AHEAD_MS);
}

/* Looks at the wall clock now and then: it can be set, and machines sleep. */
static void set_timer(struct credentials *credentials)
{
    enum { LONGEST_SLEEP_MS = 5 * 60 * 1000 };
    int64_t delay_ms = credentials->look_at_mono_ms - credentials->options.clock->mono_ms();

    loop_cancel(take(credentials->timer));
    if (credentials->look_at_mono_ms == INT64_MAX)
        return;
    if (delay_ms > LONGEST_SLEEP_MS)
        delay_ms = LONGEST_SLEEP_MS;
    credentials->timer =
        loop_after(credentials->options.means.loop, delay_ms, on_time, credentials);
}

/* AWS has refused them and there are no others yet. */
static bool is_doubted(const struct credentials *credentials)
{
    return credentials->distrusted && !credentials->accepted &&
           credentials->distrusted_generation == credentials->generation;
}

static void plan(struct credentials *credentials)
{
    struct refresh refresh = {
        .never_expires = credentials->keys.expires_at_s == 0,
        .left_ms = left_ms(credentials),
        .failures = credentials->failures,
        .usable = credentials_usable(credentials) && !is_doubted(credentials),
        .outlives_expiry = credentials->source->type->outlives_expiry,
    };
    int64_t delay_ms = refresh_delay_ms(&refresh, credentials->options.random());

    credentials->look_at_mono_ms =
        delay_ms < 0 ? INT64_MAX : credentials->options.clock->mono_ms() + delay_ms;
    credentials->ahead = refresh_is_ahead(&refresh);
    set_timer(credentials);
}

static void tell(struct credentials *credentials, const char *failure)
{
    const struct credentials_options *options = &credentials->options;
    struct aws_credentials_event event = {.source = credentials_source_name(credentials),
                                          .failure = str_of(failure),
                                          .usable = credentials_usable(credentials),
                                          .expires_at_s = credentials->keys.expires_at_s};

    if (options->on_event)
        options->on_event(options->on_event_arg, &event);
}

static bool take_up(struct credentials *credentials, const struct keys *keys)
{
    bool changed = !keys_equal(&credentials->keys, keys);

    keys_copy(&credentials->keys, keys);
    if (changed) {
        credentials->generation++;
        credentials->accepted = false;
    }
    return changed;
}

static void on_fetched(void *arg, const struct keys *keys, const struct error *why)
{
    struct credentials *credentials = arg;
    struct error error = why ? *why : (struct error){""};
    char when[CLOCK_TEXT_SIZE];

    if (keys && is_expired(credentials, keys) && !credentials->source->type->outlives_expiry) {
        error_set(&error, "%s: what it gives expired at %s", credentials->source->name,
                  clock_format_s(keys->expires_at_s, when));
        keys = NULL;
    }
    bool changed = keys && take_up(credentials, keys);
    credentials->failures = keys ? 0 : credentials->failures + 1;
    credentials->error = error;
    plan(credentials);
    credentials->options.on_settled(credentials->options.on_settled_arg, changed);
    if (changed || !keys)
        tell(credentials, keys ? NULL : error.text);
}

static void ask(struct credentials *credentials)
{
    loop_cancel(take(credentials->timer));
    source_fetch(credentials->source, on_fetched, credentials);
}

void credentials_look(struct credentials *credentials)
{
    if (!credentials->source || credentials->source->fetching)
        return;
    if (is_time(credentials))
        ask(credentials);
    else if (!credentials->timer)
        set_timer(credentials);
}

static void on_time(void *arg)
{
    struct credentials *credentials = arg;

    credentials->timer = NULL;
    credentials_look(credentials);
}

enum distrust credentials_distrust(struct credentials *credentials, unsigned generation)
{
    enum { PAUSE_MS = 10000 };
    int64_t since_ms = credentials->options.clock->mono_ms() - credentials->distrusted_mono_ms;

    if (!credentials->source)
        return DISTRUST_IN_VAIN;
    if (generation == credentials->generation && !credentials->source->fetching) {
        /* AWS may refuse whatever we sign; that is no reason to ask the source without end. */
        if (credentials->distrusted && !credentials->accepted && since_ms < PAUSE_MS)
            return DISTRUST_IN_VAIN;
        credentials->distrusted = true;
        credentials->accepted = false;
        credentials->distrusted_mono_ms = credentials->options.clock->mono_ms();
        credentials->distrusted_generation = generation;
        ask(credentials);
    }
    if (generation != credentials->generation)
        return DISTRUST_REPLACED;
    return credentials->source->fetching ? DISTRUST_ASKED : DISTRUST_IN_VAIN;
}

void credentials_accepted(struct credentials *credentials, unsigned generation)
{
    if (generation == credentials->generation)
        credentials->accepted = true;
}

int credentials_open(struct credentials *credentials, const struct credentials_settings *settings,
                     const struct configured *configured, struct error *error)
{
    if (choose_source(&credentials->source, &credentials->options.means, settings, configured,
                      error) < 0)
        return -1;
    credentials_look(credentials);
    return 0;
}

void credentials_close(struct credentials *credentials)
{
    source_free(take(credentials->source));
    keys_done(&credentials->keys);
    loop_cancel(take(credentials->timer));
}

struct str credentials_source_name(const struct credentials *credentials)
{
    return credentials->source ? str_of(credentials->source->name) : STR("none");
}
