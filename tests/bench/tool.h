/* What every program of the benchmarks needs: options, the clock, percentiles, and an end with a
 * sentence. These are tools: whatever goes wrong ends them, so that no row is made of half a run.
 */
#ifndef TESTS_BENCH_TOOL_H
#define TESTS_BENCH_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void tool_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "--name value" on the command line; a fallback of NULL makes it required. */
struct options {
    int argc;
    char **argv;
};

const char *option_text(const struct options *options, const char *name, const char *fallback);
int64_t option_int(const struct options *options, const char *name, const char *fallback);
double option_number(const struct options *options, const char *name, const char *fallback);
bool option_is_given(const struct options *options, const char *name);

uint64_t tool_now_ns(void);

/* Durations of single operations. */
struct samples {
    uint32_t *ns;
    size_t count, capacity;
};

void samples_init(struct samples *samples, size_t capacity);
void samples_done(struct samples *samples);
/* What finds no room is left out. */
static inline void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count < samples->capacity)
        samples->ns[samples->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}
void samples_append(struct samples *to, const struct samples *from);
void samples_sort(struct samples *samples);
double samples_percentile_us(const struct samples *sorted,
                             double percent); /* 0 if there are none */

/* Set by SIGTERM and SIGINT; blocking calls then return with EINTR. */
void tool_stop_on_signals(void);
bool tool_is_stopped(void);

#endif
