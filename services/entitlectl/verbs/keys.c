/* keys: makes CURVE certificates and lists them. Asks no daemon. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/keys/certificate.h"
#include "proto/endpoint/curve.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

static const char *key_directory(const struct ctl *ctl)
{
    const char *given = arguments_option(&ctl->arguments, "directory");

    return given ? given : ctl->settings->entitled.key_directory;
}

/* A name becomes a file name, and the first word of a line in lists. */
static bool is_name(struct str name)
{
    static const char others[] = "-_.@";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || !strchr(others, c)))
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static struct certificate_note new_note(struct ctl *ctl, struct str name)
{
    struct certificate_note note = {.name = ""};
    char made[CLOCK_TEXT_SIZE];

    snprintf(note.name, sizeof(note.name), STR_FMT, STR_ARG(name));
    if (gethostname(note.host, sizeof(note.host) - 1) < 0)
        note.host[0] = '\0';
    snprintf(note.made, sizeof(note.made), "%s", clock_format_s(ctl->now_s, made));
    return note;
}

int verb_keys_make(struct ctl *ctl)
{
    struct str name = arguments_at(&ctl->arguments, 0);
    struct curve_keys keys;

    if (!is_name(name))
        return ctl_fail(ctl, "NAME: 64 letters, digits, '-', '_', '.' and '@' at most, and "
                             "a letter or digit first");
    const char *file = arena_printf(&ctl->arena, STR_FMT ".cert", STR_ARG(name)).ptr;
    const char *path = arena_printf(&ctl->arena, "%s/%s", key_directory(ctl), file).ptr;
    const struct certificate_note note = new_note(ctl, name);
    int err = curve_new_keys(&keys, &ctl->error);
    if (err == 0)
        err = certificate_make(key_directory(ctl), file, &note, &keys, &ctl->error);
    explicit_bzero(keys.secret_key, sizeof(keys.secret_key));
    if (err < 0)
        return EXIT_FAILED;
    if (ctl->json) {
        struct json *root = json_new_object();
        json_set_str(root, "certificate", str_of(path));
        json_set_str(root, "public_key", str_of(keys.public_key));
        ctl_print_json(ctl, root);
    } else {
        buf_printf(&ctl->out,
                   "%s: public key %s\n"
                   "Copy it to where its owner must be recognised. %s_secret stays here.\n",
                   path, keys.public_key, path);
    }
    return EXIT_DONE;
}

struct listing {
    struct ctl *ctl;
    struct table table;
    struct json *list;
    bool bad;
};

static void add_certificate(struct listing *listing, const char *directory, const char *allowed_at,
                            const char *file)
{
    struct arena *arena = &listing->ctl->arena;
    const char *path = arena_printf(arena, "%s/%s", directory, file).ptr;
    bool secret = access(arena_printf(arena, "%s_secret", path).ptr, F_OK) == 0;
    struct certificate_note note = {.name = ""};
    struct curve_keys keys = {.public_key = ""};
    struct error error;
    struct json *item = json_new_object();

    bool good = certificate_load(path, &keys, &note, &error) == 0;
    listing->bad |= !good;
    table_cell(&listing->table, str_of(file));
    table_cell(&listing->table, str_of(allowed_at));
    table_cell(&listing->table, str_of(note.name));
    table_cell(&listing->table, str_of(note.host));
    table_cell(&listing->table, str_of(note.made));
    table_cell(&listing->table, secret ? STR("here") : STR(""));
    table_cell(&listing->table,
               good ? str_of(keys.public_key) : STR("not readable as a certificate"));
    json_set_str(item, "file", str_of(path));
    if (*allowed_at)
        json_set_str(item, "allowed_at", str_of(allowed_at));
    json_set_str(item, "name", str_of(note.name));
    json_set_str(item, "host", str_of(note.host));
    json_set_str(item, "made", str_of(note.made));
    json_set(item, "secret_here", json_new_bool(secret));
    if (good)
        json_set_str(item, "public_key", str_of(keys.public_key));
    else
        json_set_str(item, "error", str_of(error.text));
    json_add(listing->list, item);
}

static int is_certificate(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends_with(str_of(entry->d_name), STR(".cert"));
}

static int is_allow_list(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends_with(str_of(entry->d_name), STR(".allowed"));
}

static int add_directory(struct listing *listing, const char *directory, const char *allowed_at)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_certificate, alphasort);

    for (int i = 0; i < count; i++) {
        add_certificate(listing, directory, allowed_at, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count;
}

static void add_allow_lists(struct listing *listing, const char *directory)
{
    struct arena *arena = &listing->ctl->arena;
    struct dirent **entries;
    int count = scandir(directory, &entries, is_allow_list, alphasort);

    for (int i = 0; i < count; i++) {
        struct str name = str_of(entries[i]->d_name);
        const char *path = arena_printf(arena, "%s/" STR_FMT, directory, STR_ARG(name)).ptr;
        add_directory(listing, path, arena_str(arena, str_split(&name, '.')).ptr);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int verb_keys_list(struct ctl *ctl)
{
    const char *directory = key_directory(ctl);
    struct listing listing = {.ctl = ctl};
    struct json *root;

    if (access(directory, R_OK | X_OK) < 0)
        return ctl_fail(ctl, "cannot read the directory '%s': %s", directory, strerror(errno));
    root = json_new_object();
    listing.list = json_new_array();
    json_set(root, "keys", listing.list);
    table_init(&listing.table, "FILE,ALLOWED_AT,NAME,HOST,MADE,SECRET,PUBLIC_KEY");
    add_directory(&listing, directory, "");
    add_allow_lists(&listing, directory);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&listing.table, &ctl->out);
    json_free(root);
    table_done(&listing.table);
    return listing.bad ? EXIT_REFUSED : EXIT_DONE;
}
