/* How many records are held, for the figures, from what was planned. */
#ifndef SERVICES_STORE_WORK_HELD_H
#define SERVICES_STORE_WORK_HELD_H

#include "services/store/work/books.h"

/* What waits for an operator's decision now, and what an operator has refused. */
struct held_counts {
    size_t waiting, refused;
};

struct held_counts held_count(const struct books *books, int64_t now_s);
/* The record was written, or read at the start; NULL: it is gone. */
void held_note(struct books *books, struct str id, const struct subscription *record);
void held_forget(struct books *books);

#endif
