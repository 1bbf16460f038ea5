/* The indexes kept by hand, compared with the rows they are of, and mended.
 *
 * A check runs in parts, each within a few milliseconds, so that the store goes on serving between
 * them. Every part sees the database between two commits, and what it compares (a row and its own
 * entries) is written in one, so no view has to be kept from part to part.
 */
#ifndef SERVICES_STORE_DISK_INDEXES_H
#define SERVICES_STORE_DISK_INDEXES_H

#include "services/store/disk/change.h"

struct index_entry {
    struct str key, value;
    /* Whose history it is cannot be told any more: any key that ends like this one will do, and
     * none is missed. */
    bool of_anyone;
};

struct index_entries {
    struct index_entry *items;
    size_t count;
};

struct index_rule {
    const char *name;
    enum table source, index;
    /* What a row of the source must have in the index. False: the row cannot be read, so nothing
     * can be said of its entries. */
    bool (*entries_of)(struct db *db, struct str key, struct str value, struct arena *arena,
                       struct index_entries *ret);
    /* The key of the row that an entry leads to; empty if it leads nowhere. */
    struct str (*source_of)(struct str key, struct str value);
};

/* Later ones find out by the earlier ones whose history is whose. */
struct index_rules {
    const struct index_rule *const *items;
    size_t count;
};

/* What one part found. */
struct index_part {
    const struct index_rule *rule;
    int64_t entries; /* of the index, walked over */
    int64_t missing; /* or with another value than they should have */
    int64_t surplus; /* which lead to nothing, or to a row that does not have them */
    struct str next; /* the position of the next part; empty: this was the last. In the arena */
};

/* Checks the part that begins at the position; empty: the first. Mends what differs with `change`,
 * only counts without. -1 if that is no position. */
int indexes_check(struct db *db, const struct index_rules *rules, struct change *change,
                  struct str position, struct arena *arena, struct index_part *ret);

#endif
