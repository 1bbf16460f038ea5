/* The credentials in use, and when others are asked for.
 *
 * Ahead of their expiry, one question at a time, and what is in use stays so while it lives: a
 * source that fails for a while is noticed by nobody but the log. The times are botocore's
 * (RefreshableCredentials). Expiry is AWS's word, so it is compared with AWS's clock as far as that
 * is known.
 */
#include "common/aws/credentials/credentials.h"

#include "common/aws/internal.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };
/* From when on others are asked for, and from when on with urgency. */
enum { ADVISORY_MS = 15 * MINUTE, MANDATORY_MS = 10 * MINUTE };

static int64_t now_ms(const struct aws *aws)
{
    return aws->wall_ms() + aws->clock_offset_s * 1000;
}

static bool is_expired(const struct aws *aws, const struct keys *keys)
{
    return keys->expires_at_s != 0 && keys->expires_at_s * 1000 <= now_ms(aws);
}

bool credentials_fresh(const struct aws *aws)
{
    return aws->credentials.keys.access_key_id && !is_expired(aws, &aws->credentials.keys);
}

bool credentials_usable(const struct aws *aws)
{
    const struct credentials *credentials = &aws->credentials;

    return credentials_fresh(aws) ||
           (credentials->keys.access_key_id && credentials->source->type->outlives_expiry);
}

/* From low to high. */
static int64_t between(double random, int64_t low, int64_t high)
{
    return low + (int64_t)(random * (double)(high - low));
}

static int64_t at_most(int64_t ms, int64_t bound_ms)
{
    return ms < bound_ms ? ms : bound_ms;
}

static int64_t half_of(int64_t left_ms)
{
    return left_ms > 2 * SECOND ? left_ms / 2 : SECOND;
}

/* Whether a source that fails may wait: there is time left, or asking has been in vain for long. */
static bool is_calm(const struct refresh *refresh)
{
    enum { MANY = 20 };

    if (!refresh->usable)
        return refresh->failures > MANY;
    return refresh->left_ms > MANDATORY_MS || refresh->left_ms <= 0;
}

static int64_t after_failure(const struct refresh *refresh, double random)
{
    enum { DOUBLINGS = 3, URGENT = 10 * SECOND };
    int64_t bound = URGENT;

    if (is_calm(refresh))
        bound = MINUTE;
    else if (!refresh->usable && refresh->failures <= DOUBLINGS)
        bound = (int64_t)SECOND << (refresh->failures - 1);
    return between(random, bound / 2, bound);
}

/* An instance's credentials are replaced five minutes before they expire at the latest; when that
 * fails, AWS keeps handing out the old ones, and so many instances must not ask at once. */
static int64_t instance_again(int64_t left_ms, double random)
{
    enum { REPLACED_MS = 5 * MINUTE, SPARE_MS = 4 * MINUTE };
    int64_t delay_ms = between(random, 2 * MINUTE, 10 * MINUTE);

    if (left_ms <= 0)
        return delay_ms;
    if (left_ms <= REPLACED_MS)
        return at_most(between(random, MINUTE / 2, MINUTE), half_of(left_ms));
    return at_most(delay_ms, left_ms - SPARE_MS);
}

int64_t refresh_delay_ms(const struct refresh *refresh, double random)
{
    if (refresh->never_expires)
        return refresh->failures > 0 && !refresh->usable ? after_failure(refresh, random) : -1;
    if (refresh->failures > 0)
        return after_failure(refresh, random);
    if (refresh->left_ms > ADVISORY_MS + MINUTE)
        return refresh->left_ms - ADVISORY_MS;
    if (refresh->outlives_expiry)
        return instance_again(refresh->left_ms, random);
    /* Short-lived from the start. */
    return half_of(refresh->left_ms);
}

static void on_time(void *arg);

static int64_t left_ms(const struct aws *aws)
{
    return aws->credentials.keys.expires_at_s * 1000 - now_ms(aws);
}

static bool is_time(const struct aws *aws)
{
    const struct credentials *credentials = &aws->credentials;

    return aws->mono_ms() >= credentials->look_at_mono_ms ||
           (credentials->ahead && left_ms(aws) <= ADVISORY_MS);
}

/* Looks at the wall clock now and then: it can be set, and machines sleep. */
static void set_timer(struct aws *aws)
{
    enum { LONGEST_SLEEP_MS = 5 * MINUTE };
    struct credentials *credentials = &aws->credentials;
    int64_t delay_ms = credentials->look_at_mono_ms - aws->mono_ms();

    loop_cancel(take(credentials->timer));
    if (credentials->look_at_mono_ms == INT64_MAX)
        return;
    if (delay_ms > LONGEST_SLEEP_MS)
        delay_ms = LONGEST_SLEEP_MS;
    credentials->timer = loop_after(aws->loop, delay_ms, on_time, aws);
}

/* AWS has refused them and there are no others yet. */
static bool is_doubted(const struct credentials *credentials)
{
    return credentials->distrusted && !credentials->accepted &&
           credentials->distrusted_generation == credentials->generation;
}

static void plan(struct aws *aws)
{
    struct credentials *credentials = &aws->credentials;
    struct refresh refresh = {
        .never_expires = credentials->keys.expires_at_s == 0,
        .left_ms = left_ms(aws),
        .failures = credentials->failures,
        .usable = credentials_usable(aws) && !is_doubted(credentials),
        .outlives_expiry = credentials->source->type->outlives_expiry,
    };
    int64_t delay_ms = refresh_delay_ms(&refresh, aws->random());

    credentials->look_at_mono_ms = delay_ms < 0 ? INT64_MAX : aws->mono_ms() + delay_ms;
    credentials->ahead =
        delay_ms >= 0 && refresh.failures == 0 && refresh.left_ms > ADVISORY_MS + MINUTE;
    set_timer(aws);
}

static void tell(struct aws *aws, const char *failure)
{
    const struct credentials *credentials = &aws->credentials;
    struct aws_credentials_news news = {.source = aws_credentials_source(aws),
                                        .failure = str_of(failure),
                                        .usable = credentials_usable(aws),
                                        .expires_at_s = credentials->keys.expires_at_s};

    if (credentials->on_news)
        credentials->on_news(credentials->on_news_arg, &news);
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
    struct aws *aws = arg;
    struct credentials *credentials = &aws->credentials;
    struct error error = why ? *why : (struct error){""};
    char when[CLOCK_TEXT_SIZE];

    if (keys && is_expired(aws, keys) && !credentials->source->type->outlives_expiry) {
        error_set(&error, "%s: what it gives expired at %s", credentials->source->name,
                  clock_format_s(keys->expires_at_s, when));
        keys = NULL;
    }
    bool changed = keys && take_up(credentials, keys);
    credentials->failures = keys ? 0 : credentials->failures + 1;
    credentials->error = error;
    plan(aws);
    calls_credentials_settled(aws);
    if (changed)
        caller_credentials_changed(aws);
    if (changed || !keys)
        tell(aws, keys ? NULL : error.text);
}

static void ask(struct aws *aws)
{
    loop_cancel(take(aws->credentials.timer));
    source_fetch(aws->credentials.source, on_fetched, aws);
}

void credentials_look(struct aws *aws)
{
    struct credentials *credentials = &aws->credentials;

    if (!credentials->source || credentials->source->fetching)
        return;
    if (is_time(aws))
        ask(aws);
    else if (!credentials->timer)
        set_timer(aws);
}

static void on_time(void *arg)
{
    struct aws *aws = arg;

    aws->credentials.timer = NULL;
    credentials_look(aws);
}

enum distrust credentials_distrust(struct aws *aws, unsigned generation)
{
    enum { PAUSE_MS = 10 * SECOND };
    struct credentials *credentials = &aws->credentials;
    int64_t since_ms = aws->mono_ms() - credentials->distrusted_mono_ms;

    if (!credentials->source)
        return DISTRUST_IN_VAIN;
    if (generation == credentials->generation && !credentials->source->fetching) {
        /* AWS may refuse whatever we sign; that is no reason to ask the source without end. */
        if (credentials->distrusted && !credentials->accepted && since_ms < PAUSE_MS)
            return DISTRUST_IN_VAIN;
        credentials->distrusted = true;
        credentials->accepted = false;
        credentials->distrusted_mono_ms = aws->mono_ms();
        credentials->distrusted_generation = generation;
        ask(aws);
    }
    if (generation != credentials->generation)
        return DISTRUST_REPLACED;
    return credentials->source->fetching ? DISTRUST_ASKED : DISTRUST_IN_VAIN;
}

void credentials_accepted(struct aws *aws, unsigned generation)
{
    if (generation == aws->credentials.generation)
        aws->credentials.accepted = true;
}

int credentials_open(struct aws *aws, const struct aws_options *options,
                     const struct shared_files *files, struct error *error)
{
    aws->credentials.on_news = options->on_credentials;
    aws->credentials.on_news_arg = options->on_credentials_arg;
    if (choose_source(&aws->credentials.source, aws, options, files, error) < 0)
        return -1;
    credentials_look(aws);
    return 0;
}

void credentials_close(struct aws *aws)
{
    struct credentials *credentials = &aws->credentials;

    source_free(take(credentials->source));
    keys_done(&credentials->keys);
    loop_cancel(take(credentials->timer));
}

struct str aws_credentials_source(const struct aws *aws)
{
    return aws->credentials.source ? str_of(aws->credentials.source->name) : STR("none");
}
