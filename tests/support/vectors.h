/* The files of tests/vectors, for unit tests: read whole, parsed, never missing. */
#ifndef TESTS_SUPPORT_VECTORS_H
#define TESTS_SUPPORT_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/json/json.h"

/* The caller frees it. Ends the test program when the file cannot be read. */
static inline struct json *vectors_load(const char *file_name)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s", VECTORS_DIRECTORY, file_name);
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct error error = {"cannot be opened"};
    struct json *root = NULL;
    FILE *file = fopen(path, "re");

    if (file) {
        char chunk[65536];
        size_t len;
        while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
            buf_append(&text, chunk, len);
        fclose(file);
    }
    if (!file || json_parse(&root, buf_str(&text), &error) < 0) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        abort();
    }
    return root;
}

#endif
