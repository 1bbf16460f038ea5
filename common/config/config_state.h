/* What config_load() gathers: for every section, and every label of a labelled one, the text of
 * each setting and where it came from. The last one assigned counts. */
#ifndef COMMON_CONFIG_CONFIG_STATE_H
#define COMMON_CONFIG_CONFIG_STATE_H

#include "common/config/config_value.h"

struct config_cell {
    struct str text; /* as written; of a secret, only while loading its value */
    struct str origin;
    unsigned source; /* which file, in the order read; 0 for a default */
    unsigned line;
    bool unreadable; /* a secret whose file this user may not read */
    union config_value value;
};

struct config_instance {
    struct config_instance *next;
    const struct config_section *section;
    const char *label;         /* NULL in a section without */
    struct config_cell *cells; /* one per row of the section */
};

struct config {
    struct arena arena;
    const struct config_schema *schema;
    struct config_instance *instances; /* in the order they came */
    unsigned source;                   /* the file being read */
    void *values;
};

/* label is STR_NONE for a section without. */
struct config_instance *config_instance_find(const struct config *config,
                                             const struct config_section *section,
                                             struct str label);
/* Finds it, or makes it with its defaults. NULL with a sentence if label cannot be one. */
struct config_instance *config_instance_get(struct config *config,
                                            const struct config_section *section, struct str label,
                                            struct error *error);

struct config_assignment {
    struct config_instance *instance;
    const struct config_setting *setting;
    bool from_file; /* value is the path of the file that holds the secret */
    struct str value;
    struct str origin; /* lives as long as the config */
    unsigned line;
};

int config_assign(struct config *config, const struct config_assignment *assignment,
                  struct error *error);

/* ENTITLED_... of the environment. */
int config_load_environment(struct config *config, struct error *error);

/* Reads the whole file into *ret_text. On failure errno says why. */
int config_read_file(const char *path, struct buf *ret_text, struct error *error);

#endif
