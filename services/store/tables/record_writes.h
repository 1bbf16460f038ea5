/* Subscriptions as they are written: the row, of the index of its handles what changed, and the
 * entry of the journal, all in one transaction. */
#ifndef SERVICES_STORE_TABLES_RECORD_WRITES_H
#define SERVICES_STORE_TABLES_RECORD_WRITES_H

#include "services/store/disk/change.h"

/* Gives a new record its id and times, and writes it. */
void records_insert(struct change *change, struct subscription *record);
enum record_write {
    RECORD_SAME,     /* nothing was written */
    RECORD_VERIFIED, /* only verified later: written, but journalled in silence */
    RECORD_CHANGED,
};

/* Writes *after, which was *before, with its new version, if they differ. */
enum record_write records_update(struct change *change, const struct subscription *before,
                                 struct subscription *after);
/* Another time of verification and nothing else: many share one entry of the journal. */
void records_verify(struct change *change, const struct subscription *before,
                    struct subscription *after);
/* `gone` went into `survivor`, which is written by the caller and has the id as an alias: its
 * history is moved. */
void records_remove_merged(struct change *change, const struct subscription *gone,
                           const struct subscription *survivor);

#endif
