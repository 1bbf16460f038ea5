#include "services/store/tables/index_rules.h"

#include "services/store/tables/journal.h"
#include "services/store/tables/notifications.h"
#include "services/store/tables/records.h"

static const struct index_rule *const rules[] = {&records_by_handle, &journal_by_subscription,
                                                 &notifications_by_subscription,
                                                 &notifications_by_event};
const struct index_rules index_rules = {rules, sizeof(rules) / sizeof(rules[0])};
