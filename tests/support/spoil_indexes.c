/* spoil_indexes DIRECTORY HANDLE: takes a handle's entries out of the index of a store that does
 * not run, and has the handle "stray" lead to the records that they led to. */
#include <stdio.h>

#include "services/store/disk/db.h"

enum { ENTRIES_MAX = 64 };

static size_t find(struct db *db, struct str prefix, struct arena *arena, struct str *ret_keys)
{
    struct db_cursor cursor = db_ascend(db, TABLE_HANDLES, prefix);
    struct str key;
    size_t count = 0;

    while (count < ENTRIES_MAX && db_step(&cursor, &key, NULL) && str_starts_with(key, prefix))
        ret_keys[count++] = arena_str(arena, key);
    db_cursor_done(&cursor);
    return count;
}

static int spoil(struct db *db, const char *handle, struct arena *arena, struct error *error)
{
    struct str keys[ENTRIES_MAX];
    struct str prefix = arena_printf(arena, "%s%c", handle, '\0');

    db_begin(db);
    size_t count = find(db, prefix, arena, keys);
    for (size_t i = 0; i < count; i++) {
        const char *id = keys[i].ptr + prefix.len;
        db_remove(db, TABLE_HANDLES, keys[i]);
        db_put(db, TABLE_HANDLES, arena_printf(arena, "stray%c%s", '\0', id), STR_NONE);
    }
    if (db_commit(db, error) < 0)
        return -1;
    return count > 0 ? 0 : error_set(error, "there is no handle '%s'", handle);
}

int main(int argc, char **argv)
{
    struct db_options options = {.directory = argc == 3 ? argv[1] : "", .cache_bytes = 1 << 20};
    struct arena arena = ARENA_INIT;
    struct error error = {.text = "usage: spoil_indexes DIRECTORY HANDLE"};
    struct db *db = NULL;

    int result = argc == 3 ? db_open(&db, &options, &error) : -1;
    if (result == 0)
        result = spoil(db, argv[2], &arena, &error);
    db_close(db);
    arena_done(&arena);
    if (result < 0)
        fprintf(stderr, "%s\n", error.text);
    return result < 0;
}
