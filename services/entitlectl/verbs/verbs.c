#include "services/entitlectl/verbs/verbs.h"

#define VERB(run, ...) VERB_ROW(run, __VA_ARGS__)
#define VERB_ROW(run, name, arguments, summary, details, ...)                                      \
    {name, arguments, summary, details, (const struct option[]){__VA_ARGS__, {0}}, run},
const struct verb verbs[] = {
#include "services/entitlectl/verbs/verbs.def"
    {0},
};

#define GLOBAL_OPTION(name, value, help) {name, value, help},
const struct option global_options[] = {
#include "services/entitlectl/verbs/verbs.def"
    {0},
};
