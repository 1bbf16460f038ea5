/* What all sources have in common: one question at a time, one answer. */
#include "common/aws/credentials/source.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/mem.h"

void source_init(struct source *source, const struct source_type *type, char *name)
{
    source->type = type;
    source->name = name;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    source_cancel(source);
    if (source->type->done)
        source->type->done(source);
    mem_free(source->name);
    mem_free(source);
}

void source_freep(struct source **source)
{
    source_free(*source);
}

void source_fetch(struct source *source, source_done_fn *done, void *arg)
{
    source->fetching = true;
    source->on_done = done;
    source->arg = arg;
    source->type->fetch(source);
}

void source_cancel(struct source *source)
{
    if (source->fetching && source->type->cancel)
        source->type->cancel(source);
    source->fetching = false;
}

void source_succeed(struct source *source, const struct keys *keys)
{
    source->fetching = false;
    source->on_done(source->arg, keys, NULL);
}

void source_pass_on(struct source *source, const struct error *error)
{
    source->fetching = false;
    source->on_done(source->arg, NULL, error);
}

void source_fail(struct source *source, const char *format, ...)
{
    struct error why, error;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof(why.text), format, args);
    va_end(args);
    error_set(&error, "%s: %s", source->name, why.text);
    source_pass_on(source, &error);
}
