/* The books from the start of the store to its end. */
#ifndef SERVICES_STORE_WORK_OPENING_H
#define SERVICES_STORE_WORK_OPENING_H

#include "services/store/work/books.h"

/* Fills books whose database is open: incarnation and keys at the first start, a new number of
 * this start. */
int books_open(struct books *books, int64_t lease_ms, struct error *error);
/* Closes the database; the next start learns that this was in order. Takes books that were not
 * opened. */
void books_close(struct books *books);

#endif
