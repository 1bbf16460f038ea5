/* Names of sections and settings: finding them, and saying what was probably meant. */
#ifndef COMMON_CONFIG_CONFIG_NAMES_H
#define COMMON_CONFIG_CONFIG_NAMES_H

#include "common/config/config.h"

/* NULL with a sentence that names the nearest one, or all. */
const struct config_section *config_find_section(const struct config_schema *schema,
                                                 struct str name, struct error *error);

/* *ret_from_file: the name was NAME_file of the secret NAME. */
const struct config_setting *config_find_setting(const struct config_section *section,
                                                 struct str name, bool *ret_from_file,
                                                 struct error *error);

#endif
