/* One setting's value: from text to its type, and what may be written, in words. */
#ifndef COMMON_CONFIG_CONFIG_VALUE_H
#define COMMON_CONFIG_CONFIG_VALUE_H

#include "common/base/arena.h"
#include "common/config/config.h"

union config_value {
    const char *text;
    int64_t number;
    bool flag;
    struct config_list list;
};

/* The value lives in the arena. The sentence says what is allowed, without the setting's name. */
int config_value_parse(const struct config_setting *setting, struct str text, struct arena *arena,
                       union config_value *ret, struct error *error);

/* Puts it where the row says, within the section's struct. */
void config_value_store(const struct config_setting *setting, const union config_value *value,
                        void *section_struct);

/* "yes or no", "a duration of 1s to 20s", ... */
void config_value_allowed(const struct config_setting *setting, struct buf *out);

#endif
