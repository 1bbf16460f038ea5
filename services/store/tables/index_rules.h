/* The rules of all indexes kept by hand. */
#ifndef SERVICES_STORE_TABLES_INDEX_RULES_H
#define SERVICES_STORE_TABLES_INDEX_RULES_H

#include "services/store/disk/indexes.h"

extern const struct index_rules index_rules;

#endif
