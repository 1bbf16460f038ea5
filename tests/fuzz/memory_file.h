/* Bytes as a file that has a name, for what reads files only. */
#ifndef TESTS_FUZZ_MEMORY_FILE_H
#define TESTS_FUZZ_MEMORY_FILE_H

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

struct memory_file {
    int fd;
    char path[32];
};

static inline struct memory_file memory_file_new(struct str bytes)
{
    struct memory_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};

    FUZZ_HOLDS(file.fd >= 0);
    FUZZ_HOLDS(write(file.fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void memory_file_done(struct memory_file *file)
{
    close(file->fd);
}

#endif
