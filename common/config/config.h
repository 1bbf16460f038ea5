/* Settings by table.
 *
 * A setting is one row: section, name, type, where it is kept, default, range, one line of help.
 * The row gives validation, the environment override, `entitlectl settings`, the sample file and
 * the page in docs/. Unknown names and values out of range stop the start with file, line and what
 * is allowed.
 */
#ifndef COMMON_CONFIG_CONFIG_H
#define COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/str.h"

enum config_type {
    CONFIG_TEXT,     /* const char *; never NULL */
    CONFIG_SECRET,   /* const char *; shown as set or not set; NAME_file reads it from a file */
    CONFIG_INTEGER,  /* int64_t */
    CONFIG_DURATION, /* int64_t milliseconds; written 500ms, 30s, 5m, 6h, 3d */
    CONFIG_SIZE,     /* int64_t bytes; written 512, 64k, 2M, 1G */
    CONFIG_BOOL,     /* bool; yes or no (true, false, on, off, 1, 0) */
    CONFIG_LIST,     /* struct config_list; separated by blanks or commas */
    CONFIG_CHOICE,   /* const char *; one of the words in `choices` */
};

struct config_list {
    const char **items;
    size_t count;
};

/* What a text must be beyond being one. Empty texts are not asked about. */
struct config_form {
    const char *allowed; /* "an absolute path" */
    bool (*matches)(struct str value);
};

struct config_setting {
    const char *name;
    enum config_type type;
    bool required;             /* empty is an error: in a labelled section, wherever it stands */
    size_t offset;             /* within the section's struct */
    const char *default_value; /* as it would be written; NULL: none, the member stays empty */
    int64_t min, max;          /* numbers, durations (ms), sizes; both 0: any */
    const char *choices;       /* "debug info warning error" */
    const char *help;
    const struct config_form *form; /* what a text, or every item of a list, must be; NULL: any */
};

struct config_section {
    const char *name;
    const struct config_setting *settings; /* ends with a row without a name */
    size_t offset;                         /* of the section's struct within the whole */
    /* A labelled section ("[queue LABEL]") may come any number of times: the member at offset is
     * then a struct config_group, its items of item_size each beginning with `const char *label`.
     */
    bool labelled;
    size_t item_size;
    const char *help;
};

struct config_group {
    void *items;
    size_t count;
};

struct config_schema {
    const struct config_section *sections; /* ends with a row without a name */
    size_t size;                           /* of the whole struct */
    /* Optional: what is wrong only together. Runs at the end of config_load(). */
    int (*check)(const void *values, struct error *error);
};

struct config; /* the loaded values and where each came from */

/* ENTITLED_CONFIG, else /etc/entitled/entitled.conf if there is one, else NULL. */
const char *config_default_path(void);

/* Reads path (NULL: defaults and environment only), then conf.d/NAME.conf beside it in the order
 * of their names, then ENTITLED_<SECTION>_<NAME> (ENTITLED_<SECTION>_<LABEL>_<NAME>) from the
 * environment; the last one counts. An environment variable with the prefix that names no setting
 * is an error too. ENTITLED_CONFIG and ENTITLED_BIN are not settings and are passed over.
 *
 * Within one file a setting stands once; only a list may be repeated, which adds to it. Labels
 * match whatever their case; the environment may bring a label that no file has.
 *
 * NAME_file of a secret is read at once. A file that this user may not read leaves the secret
 * empty and is no error: the daemons share their settings, not their secrets. Callers that need
 * it must check. */
int config_load(struct config **ret, const struct config_schema *schema, const char *path,
                struct error *error);
void config_free(struct config *config);                /* takes NULL */
const void *config_values(const struct config *config); /* the whole struct; lives with config */

/* Every setting with its value and origin ("default", "/etc/entitled/entitled.conf:12",
 * "environment"). Secrets are shown as "(set)", "(not set)" or "(not readable)". */
typedef void config_visit_fn(void *arg, const struct config_section *section, const char *label,
                             const struct config_setting *setting, struct str value,
                             struct str origin);
void config_each(const struct config *config, config_visit_fn *visit, void *arg);

/* The sample file, the reference page and the sections of a manual page (mdoc), from the rows
 * alone. */
void config_write_sample(const struct config_schema *schema, struct buf *out);
void config_write_markdown(const struct config_schema *schema, struct buf *out);
void config_write_man(const struct config_schema *schema, struct buf *out);

#endif
