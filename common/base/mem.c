#include "common/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size ? size : 1);

    if (!ptr)
        mem_exhausted();
    return ptr;
}

void *mem_alloc_zero(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);

    if (!ptr)
        mem_exhausted();
    return ptr;
}

void *mem_realloc(void *old, size_t size)
{
    void *ptr = realloc(old, size ? size : 1);

    if (!ptr)
        mem_exhausted();
    return ptr;
}

void *mem_alloc_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        mem_exhausted();
    return mem_alloc_zero(count * size);
}

char *mem_strdup(const char *text)
{
    if (!text)
        return NULL;

    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}

char *mem_printf(const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();
    return text;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_freep(void *ptr_to_ptr)
{
    mem_free(*(void **)ptr_to_ptr);
}
