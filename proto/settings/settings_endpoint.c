/* Where the suite's sockets are, by the settings or below the run directory. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "proto/settings/settings.h"

static struct config_list one_item(struct arena *arena, struct str text)
{
    struct config_list list = {.items = arena_alloc(arena, sizeof(*list.items)), .count = 1};

    list.items[0] = text.ptr;
    return list;
}

static struct config_list or_socket(const struct settings *settings, struct config_list list,
                                    const char *socket, struct arena *arena)
{
    if (list.count > 0)
        return list;
    return one_item(arena,
                    arena_printf(arena, "ipc://%s/%s", settings->entitled.run_directory, socket));
}

struct config_list settings_store_listen(const struct settings *settings, struct arena *arena)
{
    return or_socket(settings, settings->store.listen, "private/store.rpc", arena);
}

struct config_list settings_store_feed(const struct settings *settings, struct arena *arena)
{
    return or_socket(settings, settings->store.feed, "private/store.feed", arena);
}

struct config_list settings_store_endpoint(const struct settings *settings, struct arena *arena)
{
    return or_socket(settings, settings->entitled.store_endpoint, "private/store.rpc", arena);
}

struct config_list settings_store_feed_endpoint(const struct settings *settings,
                                                struct arena *arena)
{
    return or_socket(settings, settings->entitled.store_feed_endpoint, "private/store.feed", arena);
}

struct config_list settings_checker_listen(const struct settings *settings, const char *instance,
                                           struct arena *arena)
{
    struct str socket = arena_printf(arena, "public/checker-%s.query", instance);

    return or_socket(settings, settings->checker.listen, socket.ptr, arena);
}

struct config_list settings_checker_feed(const struct settings *settings, const char *instance,
                                         struct arena *arena)
{
    struct str socket = arena_printf(arena, "public/checker-%s.feed", instance);

    return or_socket(settings, settings->checker.feed, socket.ptr, arena);
}

static int is_query_socket(const struct dirent *entry)
{
    struct str name = str_of(entry->d_name);

    return str_starts_with(name, STR("checker-")) && str_ends_with(name, STR(".query"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

struct config_list settings_checker_endpoints(const struct settings *settings, struct arena *arena)
{
    struct config_list list = settings->entitled.checker_endpoints;
    struct dirent **entries;

    if (list.count > 0)
        return list;
    struct str directory = arena_printf(arena, "%s/public", settings->entitled.run_directory);
    int count = scandir(directory.ptr, &entries, is_query_socket, by_name);
    if (count < 0)
        return list;

    list.items = arena_alloc_array(arena, (size_t)count + 1, sizeof(*list.items));
    for (int i = 0; i < count; i++) {
        struct str item = arena_printf(arena, "ipc://%s/%s", directory.ptr, entries[i]->d_name);
        list.items[list.count++] = item.ptr;
        free(entries[i]);
    }
    free(entries);
    return list;
}
