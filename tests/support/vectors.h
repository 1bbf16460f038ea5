/* The files of tests/vectors, for unit tests: read whole, parsed, never missing. */
#ifndef TESTS_SUPPORT_VECTORS_H
#define TESTS_SUPPORT_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/json/json.h"

/* Appends the bytes. Ends the test program when the file cannot be read. */
static inline void vectors_read(const char *file_name, struct buf *out)
{
    enum { LARGEST_FILE = 64 << 20 };
    cleanup(mem_freep) char *path = mem_printf("%s/%s", VECTORS_DIRECTORY, file_name);
    struct error error;

    if (file_read(path, LARGEST_FILE, out, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

/* The caller frees it. */
static inline struct json *vectors_load(const char *file_name)
{
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct error error = {""};
    struct json *root = NULL;

    vectors_read(file_name, &text);
    if (json_parse(&root, buf_str(&text), &error) < 0) {
        fprintf(stderr, "%s: %s\n", file_name, error.text);
        abort();
    }
    return root;
}

#endif
