#include "common/config/config_names.h"

#include <string.h>

enum { LONGEST_COMPARED = 63 };

struct guess {
    struct str wanted;
    const char *name;
    size_t distance;
    struct buf all;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's: how many characters must be put in, taken out or replaced. */
static size_t edit_distance(struct str a, struct str b)
{
    size_t row[LONGEST_COMPARED + 1];

    if (a.len > LONGEST_COMPARED || b.len > LONGEST_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t same = lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]) ? 0 : 1;
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + same);
            diagonal = above;
        }
    }
    return row[b.len];
}

static void guess_among(struct guess *guess, const char *name)
{
    size_t distance = edit_distance(guess->wanted, str_of(name));

    if (distance < guess->distance) {
        guess->distance = distance;
        guess->name = name;
    }
    buf_printf(&guess->all, "%s%s", guess->all.len ? ", " : "", name);
}

/* Puts "; did you mean 'x'?" or "; allowed: ..." behind the sentence. */
static void guess_say(struct guess *guess, struct error *error)
{
    size_t limit = guess->wanted.len / 3 + 1;

    if (error && guess->distance <= limit)
        error_set(error, "%s; did you mean '%s'?", error->text, guess->name);
    else if (error)
        error_set(error, "%s; allowed: %s", error->text, guess->all.data);
    buf_done(&guess->all);
}

const struct config_section *config_find_section(const struct config_schema *schema,
                                                 struct str name, struct error *error)
{
    struct guess guess = {.wanted = name, .distance = SIZE_MAX};

    for (const struct config_section *s = schema->sections; s->name; s++) {
        if (str_eq_text(name, s->name)) {
            buf_done(&guess.all);
            return s;
        }
        guess_among(&guess, s->name);
    }
    error_set(error, "unknown section '" STR_FMT "'", STR_ARG(name));
    guess_say(&guess, error);
    return NULL;
}

static bool names_file_of(struct str name, const struct config_setting *setting)
{
    struct str suffix = STR("_file");

    return setting->type == CONFIG_SECRET && str_ends_with(name, suffix) &&
           str_eq_text(str_from(name.ptr, name.len - suffix.len), setting->name);
}

const struct config_setting *config_find_setting(const struct config_section *section,
                                                 struct str name, bool *ret_from_file,
                                                 struct error *error)
{
    struct guess guess = {.wanted = name, .distance = SIZE_MAX};

    for (const struct config_setting *s = section->settings; s->name; s++) {
        *ret_from_file = names_file_of(name, s);
        if (*ret_from_file || str_eq_text(name, s->name)) {
            buf_done(&guess.all);
            return s;
        }
        guess_among(&guess, s->name);
    }
    error_set(error, "unknown setting '" STR_FMT "' in [%s]", STR_ARG(name), section->name);
    guess_say(&guess, error);
    return NULL;
}
