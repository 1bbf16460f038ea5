#include "proto/clients/c/call/failure.h"

#include <stdarg.h>
#include <stdio.h>

#define SAME(code) _Static_assert((int)ENTITLED_##code == (int)ERROR_##code, #code)
SAME(BAD_REQUEST);
SAME(UNKNOWN_METHOD);
SAME(NOT_FOUND);
SAME(CONFLICT);
SAME(NOT_READY);
SAME(UNAVAILABLE);
SAME(TIMEOUT);
SAME(THROTTLED);
SAME(AWS);
SAME(INTERNAL);
/* A new one needs its number in entitled.h. */
_Static_assert((int)ERROR_COUNT == (int)ENTITLED_INTERNAL + 1, "codes");

struct own_code {
    int code;
    const char *name;
    bool retryable;
};

static const struct own_code own_codes[] = {
    {ENTITLED_OK, "ok", false},
    {ENTITLED_NO_MEMORY, "no_memory", true},
    {ENTITLED_BUSY, "busy", true},
    {ENTITLED_CANCELLED, "cancelled", false},
    {ENTITLED_BAD_FILE, "bad_file", false},
};

static const struct own_code *find_own(int code)
{
    for (size_t i = 0; i < sizeof(own_codes) / sizeof(own_codes[0]); i++) {
        if (own_codes[i].code == code)
            return &own_codes[i];
    }
    return NULL;
}

static const struct rpc_error_row *find_row(int code)
{
    bool known = code > ERROR_NONE && code < ERROR_COUNT;

    return &rpc_errors[known ? code : ERROR_INTERNAL];
}

const char *entitled_code_name(int code)
{
    const struct own_code *own = find_own(code);

    return own ? own->name : find_row(code)->code;
}

bool entitled_retryable(int code)
{
    const struct own_code *own = find_own(code);

    return own ? own->retryable : find_row(code)->retryable;
}

int failure_set(struct entitled_error *error, int code, const char *format, ...)
{
    va_list args;

    if (!error)
        return code;
    error->code = code;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return code;
}

int failure_of_memory(struct entitled_error *error)
{
    return failure_set(error, ENTITLED_NO_MEMORY, "out of memory, file descriptors or threads");
}

void failure_none(struct entitled_error *error)
{
    if (!error)
        return;
    error->code = ENTITLED_OK;
    error->sentence[0] = '\0';
}

int failure_code(enum rpc_error code)
{
    return (int)code;
}
