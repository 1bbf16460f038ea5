/* Aligned columns with a header line, for people. Pure.
 *
 * Foreign text cannot move the cursor or colour the terminal: control characters are shown as '?'.
 * An empty cell is shown as '-'.
 */
#ifndef SERVICES_ENTITLECTL_PRINT_TABLE_H
#define SERVICES_ENTITLECTL_PRINT_TABLE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/mem.h"

enum { TABLE_COLUMNS = 16 };

struct table {
    struct arena arena;
    size_t columns;
    const char *headers[TABLE_COLUMNS]; /* NULL: no header line */
    struct str *cells;
    size_t count, capacity;
};

/* headers: separated by commas, "ID,STATE,VERIFIED". */
void table_init(struct table *table, const char *headers);
/* Without a header line. */
void table_init_plain(struct table *table, size_t columns);
void table_done(struct table *table);

/* Fills the cells one after the other, copying them; a row is full when the next begins. */
void table_cell(struct table *table, struct str text);
void table_cell_time(struct table *table, int64_t time_s);
void table_cell_number(struct table *table, int64_t number);

void table_write(const struct table *table, struct buf *out);

#endif
