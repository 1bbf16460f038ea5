#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_s(void)
{
    return clock_wall_ms() / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

const char *clock_format_s(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
    time_t time = (time_t)time_s;
    struct tm tm;

    if (time_s == 0 || !gmtime_r(&time, &tm) ||
        strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        memcpy(text, "-", 2);
    return text;
}

const char *clock_format_ms(int64_t time_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t time = (time_t)(time_ms / 1000);
    struct tm tm;
    size_t len;

    if (!gmtime_r(&time, &tm) ||
        (len = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm)) == 0) {
        memcpy(text, "-", 2);
        return text;
    }
    snprintf(text + len, CLOCK_TEXT_SIZE - len, ".%03dZ", (int)(time_ms % 1000));
    return text;
}

/* Reads exactly count digits. */
static bool read_digits(struct str *s, int count, int *ret_value)
{
    int value = 0;

    if (s->len < (size_t)count)
        return false;
    for (int i = 0; i < count; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    s->ptr += count;
    s->len -= (size_t)count;
    *ret_value = value;
    return true;
}

static bool read_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool read_zone(struct str *s, int *ret_offset_s)
{
    int sign, hours, minutes;

    *ret_offset_s = 0;
    if (read_char(s, 'Z'))
        return true;
    if (read_char(s, '+'))
        sign = 1;
    else if (read_char(s, '-'))
        sign = -1;
    else
        return false;
    if (!read_digits(s, 2, &hours))
        return false;
    read_char(s, ':');
    if (!read_digits(s, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    *ret_offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

int clock_parse_iso8601(struct str text, int64_t *ret_time_s)
{
    struct tm tm = {0};
    int offset_s;

    if (!read_digits(&text, 4, &tm.tm_year) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &tm.tm_mon) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &tm.tm_mday) || !read_char(&text, 'T') ||
        !read_digits(&text, 2, &tm.tm_hour) || !read_char(&text, ':') ||
        !read_digits(&text, 2, &tm.tm_min) || !read_char(&text, ':') ||
        !read_digits(&text, 2, &tm.tm_sec))
        return -1;
    if (read_char(&text, '.')) {
        int digit;
        if (!read_digits(&text, 1, &digit))
            return -1;
        while (read_digits(&text, 1, &digit))
            continue;
    }
    if (!read_zone(&text, &offset_s) || text.len != 0)
        return -1;
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return -1;

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_time_s = (int64_t)timegm(&tm) - offset_s;
    return 0;
}
