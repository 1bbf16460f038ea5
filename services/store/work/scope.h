/* What GetEntitlements is filtered by for a record. */
#ifndef SERVICES_STORE_WORK_SCOPE_H
#define SERVICES_STORE_WORK_SCOPE_H

#include "proto/message.h"

/* How AWS is to be asked about it next; 0 if nothing is known that a call could be filtered by.
 * *ret_probe_product: an empty answer would need the product's unfiltered one beside it. */
enum scope scope_of(const struct subscription *record, bool *ret_probe_product);

#endif
