#include "common/keys/allow_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/keys/certificate.h"

struct allow_list {
    char *directory;
    allow_list_unreadable_fn *unreadable;
    void *arg;
    uint64_t seen; /* a digest of the files' names and states when they were read */
    char (*keys)[CURVE_KEY_SIZE];
    size_t count, capacity;
};

static bool is_certificate(const char *name)
{
    return name[0] != '.' && str_ends_with(str_of(name), STR(".cert"));
}

/* FNV-1a, by words where there are words. */
static uint64_t mix(uint64_t digest, uint64_t word)
{
    return (digest ^ word) * UINT64_C(0x100000001b3);
}

static uint64_t digest_of(const char *name, const struct stat *status)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        digest = mix(digest, (unsigned char)*name);
    digest = mix(digest, (uint64_t)status->st_ino);
    digest = mix(digest, (uint64_t)status->st_size);
    digest = mix(digest, (uint64_t)status->st_mtim.tv_sec);
    digest = mix(digest, (uint64_t)status->st_mtim.tv_nsec);
    digest = mix(digest, (uint64_t)status->st_ctim.tv_sec);
    return mix(digest, (uint64_t)status->st_ctim.tv_nsec);
}

/* The same in whatever order the directory lists them, never 0. */
static uint64_t look(DIR *directory)
{
    const struct dirent *entry;
    struct stat status;
    uint64_t sum = 1;

    while ((entry = readdir(directory))) {
        if (is_certificate(entry->d_name) &&
            fstatat(dirfd(directory), entry->d_name, &status, 0) == 0)
            sum += digest_of(entry->d_name, &status);
    }
    return sum ? sum : 1;
}

static void add(struct allow_list *list, const char *name)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s", list->directory, name);
    struct curve_keys keys;
    struct error error;

    if (certificate_load(path, &keys, NULL, &error) < 0) {
        list->unreadable(list->arg, error.text);
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->keys = mem_realloc(list->keys, list->capacity * sizeof(*list->keys));
    }
    memcpy(list->keys[list->count++], keys.public_key, CURVE_KEY_SIZE);
}

/* A key that cannot be read is not allowed: when in doubt, no peer is let in. */
static int refresh(struct allow_list *list)
{
    DIR *directory = opendir(list->directory);
    const struct dirent *entry;

    if (!directory) {
        list->count = 0;
        list->seen = 0;
        return -1;
    }
    uint64_t now = look(directory);
    if (now != list->seen) {
        list->seen = now;
        list->count = 0;
        rewinddir(directory);
        while ((entry = readdir(directory))) {
            if (is_certificate(entry->d_name))
                add(list, entry->d_name);
        }
    }
    closedir(directory);
    return 0;
}

int allow_list_open(struct allow_list **ret, const char *directory,
                    allow_list_unreadable_fn *unreadable, void *arg, struct error *error)
{
    struct allow_list *list = mem_alloc_zero(sizeof(*list));

    list->directory = mem_strdup(directory);
    list->unreadable = unreadable;
    list->arg = arg;
    if (refresh(list) < 0) {
        error_set(error, "cannot read the directory '%s': %s", directory, strerror(errno));
        allow_list_free(list);
        return -1;
    }
    *ret = list;
    return 0;
}

void allow_list_free(struct allow_list *list)
{
    if (!list)
        return;
    mem_free(list->directory);
    mem_free(list->keys);
    mem_free(list);
}

bool allow_list_has(struct allow_list *list, const char *public_key)
{
    refresh(list);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->keys[i], public_key) == 0)
            return true;
    }
    return false;
}

size_t allow_list_count(struct allow_list *list)
{
    refresh(list);
    return list->count;
}
