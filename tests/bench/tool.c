#include "tests/bench/tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/mem.h"

static volatile sig_atomic_t stopped;

void tool_die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static const char *find(const struct options *options, const char *name)
{
    for (int i = 1; i + 1 < options->argc; i++) {
        if (strcmp(options->argv[i], name) == 0)
            return options->argv[i + 1];
    }
    return NULL;
}

const char *option_text(const struct options *options, const char *name, const char *fallback)
{
    const char *value = find(options, name);

    if (!value)
        value = fallback;
    if (!value)
        tool_die("%s is needed", name);
    return value;
}

double option_number(const struct options *options, const char *name, const char *fallback)
{
    const char *text = option_text(options, name, fallback);
    char *end;
    double value = strtod(text, &end);

    if (*text == '\0' || *end != '\0')
        tool_die("%s must be a number, not '%s'", name, text);
    return value;
}

int64_t option_int(const struct options *options, const char *name, const char *fallback)
{
    return (int64_t)option_number(options, name, fallback);
}

bool option_is_given(const struct options *options, const char *name)
{
    return find(options, name) != NULL;
}

uint64_t tool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void samples_init(struct samples *samples, size_t capacity)
{
    *samples = (struct samples){.ns = mem_alloc_array(capacity, sizeof(*samples->ns)),
                                .capacity = capacity};
}

void samples_done(struct samples *samples)
{
    mem_free(samples->ns);
    *samples = (struct samples){0};
}

void samples_append(struct samples *to, const struct samples *from)
{
    for (size_t i = 0; i < from->count; i++)
        samples_add(to, from->ns[i]);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void samples_sort(struct samples *samples)
{
    if (samples->count > 0)
        qsort(samples->ns, samples->count, sizeof(*samples->ns), compare);
}

double samples_percentile_us(const struct samples *sorted, double percent)
{
    if (sorted->count == 0)
        return 0;
    size_t at = (size_t)((double)sorted->count * percent / 100);
    return sorted->ns[at < sorted->count ? at : sorted->count - 1] / 1000.0;
}

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

void tool_stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

bool tool_is_stopped(void)
{
    return stopped != 0;
}
