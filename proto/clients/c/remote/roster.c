#include "proto/clients/c/remote/roster.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/str.h"

enum { NEWS_INTERVAL_MS = 10000, LOOK_INTERVAL_MS = 500, ENTRIES_MAX = 64 };

static const char default_directory[] = "/run/entitled/public";

struct roster {
    const struct entitled_options *options;
    pthread_mutex_t lock; /* nothing is allocated under it */
    struct roster_view *latest;
    atomic_uint_fast64_t number; /* of the latest */
    atomic_int_fast64_t news_at_mono_ms, look_at_mono_ms;
    struct tally tally;
};

/* A view that is being made. */

static struct roster_view *view_new(void)
{
    struct roster_view *view = mem_alloc_zero(sizeof(*view));

    atomic_init(&view->holders, 1);
    view->entries = mem_alloc_array(ENTRIES_MAX, sizeof(*view->entries));
    return view;
}

static struct roster_entry *find(const struct roster_view *view, struct str endpoint)
{
    for (size_t i = 0; i < view->count; i++) {
        if (str_eq_text(endpoint, view->entries[i].endpoint))
            return &view->entries[i];
    }
    return NULL;
}

/* The sockets of a checker are side by side (docs/protocol.md): NAME.query and NAME.feed. */
static char *feed_beside(struct str endpoint)
{
    const struct str query = STR(".query");

    if (!str_starts_with(endpoint, STR("ipc://")) || !str_ends_with(endpoint, query))
        return NULL;
    return mem_printf("%.*s.feed", (int)(endpoint.len - query.len), endpoint.ptr);
}

static void add(struct roster_view *view, struct str endpoint, struct str feed, struct str key,
                bool told)
{
    struct roster_entry *entry = find(view, endpoint);

    if (!entry && view->count == ENTRIES_MAX)
        return;
    if (!entry) {
        entry = &view->entries[view->count++];
        *entry = (struct roster_entry){.endpoint = str_dup(endpoint), .told = told};
        entry->feed = feed.len > 0 ? str_dup(feed) : feed_beside(endpoint);
        entry->key = key.len > 0 ? str_dup(key) : NULL;
    } else if (feed.len > 0) {
        mem_free(entry->feed);
        entry->feed = str_dup(feed);
    }
}

static void view_free(struct roster_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        mem_free(view->entries[i].endpoint);
        mem_free(view->entries[i].feed);
        mem_free(view->entries[i].key);
    }
    mem_free(view->entries);
    mem_free(view);
}

void roster_release(struct roster_view *view)
{
    if (view && atomic_fetch_sub(&view->holders, 1) == 1)
        view_free(view);
}

static bool same_text(const char *a, const char *b)
{
    return str_eq(str_of(a), str_of(b));
}

static bool same(const struct roster_view *a, const struct roster_view *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_text(a->entries[i].endpoint, b->entries[i].endpoint) ||
            !same_text(a->entries[i].feed, b->entries[i].feed) ||
            !same_text(a->entries[i].key, b->entries[i].key))
            return false;
    }
    return true;
}

/* Takes ownership of the view. */
static void publish(struct roster *roster, struct roster_view *view)
{
    struct roster_view *old;

    pthread_mutex_lock(&roster->lock);
    old = roster->latest;
    if (old && same(old, view)) {
        old = view;
    } else {
        view->number = atomic_load(&roster->number) + 1;
        roster->latest = view;
        atomic_store(&roster->number, view->number);
    }
    pthread_mutex_unlock(&roster->lock);
    roster_release(old);
}

/* Checkers known from the options and the directory. */

static bool searches(const struct entitled_options *options)
{
    return options->checker_count == 0 || options->directory;
}

static void add_socket(struct roster_view *view, const char *directory, const char *name)
{
    const struct str text = str_of(name);

    if (!str_starts_with(text, STR("checker-")) || !str_ends_with(text, STR(".query")))
        return;
    cleanup(mem_freep) char *endpoint = mem_printf("ipc://%s/%s", directory, name);
    add(view, str_of(endpoint), STR_NONE, STR_NONE, false);
}

static void add_found(struct roster_view *view, const struct entitled_options *options)
{
    const char *directory = options->directory ? options->directory : default_directory;
    DIR *dir = searches(options) ? opendir(directory) : NULL;
    const struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        add_socket(view, directory, entry->d_name);
    closedir(dir);
}

static bool is_tcp(struct str endpoint)
{
    return str_starts_with(endpoint, STR("tcp://"));
}

static struct roster_view *make_known(const struct roster *roster)
{
    struct roster_view *view = view_new();

    for (size_t i = 0; i < roster->options->checker_count; i++) {
        struct str endpoint = str_of(roster->options->checkers[i]);
        add(view, endpoint, STR_NONE,
            is_tcp(endpoint) ? str_of(roster->options->checker_keys.public_key) : STR_NONE, false);
    }
    add_found(view, roster->options);
    return view;
}

struct roster *roster_new(const struct entitled_options *options)
{
    struct roster *roster = mem_alloc_zero(sizeof(*roster));

    roster->options = options;
    pthread_mutex_init(&roster->lock, NULL);
    publish(roster, make_known(roster));
    return roster;
}

void roster_free(struct roster *roster)
{
    if (!roster)
        return;
    roster_release(roster->latest);
    pthread_mutex_destroy(&roster->lock);
    mem_free(roster);
}

static void copy_entry(struct roster_view *view, const struct roster_entry *entry)
{
    add(view, str_of(entry->endpoint), str_of(entry->feed), str_of(entry->key), entry->told);
}

void roster_look(struct roster *roster)
{
    if (!searches(roster->options))
        return;
    struct roster_view *latest = roster_hold(roster);
    struct roster_view *view = make_known(roster);
    for (size_t i = 0; i < latest->count; i++) {
        if (latest->entries[i].told)
            copy_entry(view, &latest->entries[i]);
    }
    roster_release(latest);
    publish(roster, view);
}

/* Checkers reported by checkers. */

/* How a reported checker can be reached. */
struct reach {
    bool here; /* its paths are of this host: the report did not come over TCP */
    bool over_tcp;
};

static bool is_within_reach(struct str endpoint, struct reach reach)
{
    const struct str ipc = STR("ipc://");

    if (!str_starts_with(endpoint, ipc))
        return reach.over_tcp && is_tcp(endpoint);
    if (!reach.here)
        return false;
    cleanup(mem_freep) char *path =
        str_dup(str_from(endpoint.ptr + ipc.len, endpoint.len - ipc.len));
    return access(path, R_OK | W_OK) == 0;
}

/* A socket of this machine rather than one over the network. */
static struct str choose(const struct str_list *endpoints, struct reach reach)
{
    struct str chosen = STR_NONE;

    for (size_t i = 0; i < endpoints->count; i++) {
        struct str endpoint = endpoints->items[i];
        bool better = chosen.len == 0 || str_starts_with(endpoint, STR("ipc://"));
        if (better && is_within_reach(endpoint, reach))
            chosen = endpoint;
    }
    return chosen;
}

/* A checker that is known by one endpoint is not added under another. */
static void add_reported(struct roster_view *view, const struct peer *peer, bool by_one_here,
                         const struct entitled_options *options)
{
    const struct reach reach = {.here = by_one_here,
                                .over_tcp = *options->keys.secret_key &&
                                            curve_key_is_valid(peer->public_key)};
    struct str feed = choose(&peer->feeds, reach);
    struct str endpoint = choose(&peer->endpoints, reach);

    if (!str_eq_text(peer->daemon, "entitled-checker"))
        return;
    for (size_t i = 0; i < peer->endpoints.count; i++) {
        struct str known = peer->endpoints.items[i];
        if ((by_one_here || is_tcp(known)) && find(view, known))
            endpoint = known;
    }
    if (endpoint.len > 0 && (options->discovery || find(view, endpoint)))
        add(view, endpoint, feed, reach.over_tcp ? peer->public_key : STR_NONE, true);
}

void roster_learn(struct roster *roster, const char *endpoint,
                  const struct describe_result *description)
{
    struct roster_view *latest = roster_hold(roster), *view = view_new();

    for (size_t i = 0; i < latest->count; i++) {
        const struct roster_entry *entry = &latest->entries[i];
        /* The reporting checker stays. An empty report means that it has lost the store, not that
         * the others are gone. */
        if (!entry->told || description->peers.count == 0 || same_text(entry->endpoint, endpoint))
            copy_entry(view, entry);
    }
    roster_release(latest);
    for (size_t i = 0; i < description->peers.count; i++)
        add_reported(view, &description->peers.items[i], !is_tcp(str_of(endpoint)),
                     roster->options);
    publish(roster, view);
}

struct tally *roster_tally(struct roster *roster)
{
    return &roster->tally;
}

bool roster_is_newer(const struct roster *roster, const struct roster_view *view)
{
    return !view || atomic_load(&roster->number) != view->number;
}

struct roster_view *roster_hold(struct roster *roster)
{
    pthread_mutex_lock(&roster->lock);
    struct roster_view *view = roster->latest;
    atomic_fetch_add(&view->holders, 1);
    pthread_mutex_unlock(&roster->lock);
    return view;
}

static bool is_time(atomic_int_fast64_t *at_mono_ms, int64_t now_mono_ms, int64_t interval_ms)
{
    int_fast64_t at = atomic_load(at_mono_ms);

    return now_mono_ms >= at &&
           atomic_compare_exchange_strong(at_mono_ms, &at, now_mono_ms + interval_ms);
}

bool roster_take_ask_turn(struct roster *roster, int64_t now_mono_ms)
{
    return is_time(&roster->news_at_mono_ms, now_mono_ms, NEWS_INTERVAL_MS);
}

bool roster_take_look_turn(struct roster *roster, int64_t now_mono_ms)
{
    return is_time(&roster->look_at_mono_ms, now_mono_ms, LOOK_INTERVAL_MS);
}
