#include "services/entitlectl/print/table.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "services/entitlectl/print/format.h"

void table_init(struct table *table, const char *headers)
{
    struct str rest = str_of(headers);

    *table = (struct table){.columns = 0};
    while (rest.len > 0 && table->columns < TABLE_COLUMNS)
        table->headers[table->columns++] = arena_str(&table->arena, str_split(&rest, ',')).ptr;
}

void table_init_plain(struct table *table, size_t columns)
{
    *table = (struct table){.columns = columns};
}

void table_done(struct table *table)
{
    mem_free(table->cells);
    arena_done(&table->arena);
}

static struct str harmless(struct str text, struct arena *arena)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    if (str_is_empty(text))
        return STR("-");
    if (!str_is_utf8(text))
        return STR("(not text)");
    format_printable(&out, text);
    return arena_str(arena, buf_str(&out));
}

void table_cell(struct table *table, struct str text)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? 2 * table->capacity : 64;
        table->cells = mem_realloc(table->cells, table->capacity * sizeof(*table->cells));
    }
    table->cells[table->count++] = harmless(text, &table->arena);
}

void table_cell_time(struct table *table, int64_t time_s)
{
    char text[CLOCK_TEXT_SIZE];

    table_cell(table, str_of(clock_format_s(time_s, text)));
}

void table_cell_number(struct table *table, int64_t number)
{
    table_cell(table, arena_printf(&table->arena, "%lld", (long long)number));
}

/* Characters, not bytes; one place each. */
static size_t width_of(struct str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return width;
}

static size_t next_column(const struct table *table, size_t column)
{
    return column + 1 < table->columns ? column + 1 : 0;
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS])
{
    size_t column = 0;

    for (size_t i = 0; i < table->columns; i++)
        widths[i] = width_of(str_of(table->headers[i]));
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);
        if (width > widths[column])
            widths[column] = width;
        column = next_column(table, column);
    }
}

/* The last cell of a line is not padded. */
static void write_cell(const struct table *table, size_t column, const size_t *widths,
                       struct str text, struct buf *out)
{
    bool last = column + 1 == table->columns;

    buf_append_str(out, text);
    for (size_t i = width_of(text); !last && i < widths[column] + 2; i++)
        buf_append_char(out, ' ');
    if (last)
        buf_append_char(out, '\n');
}

void table_write(const struct table *table, struct buf *out)
{
    size_t widths[TABLE_COLUMNS] = {0};
    size_t column = 0;

    measure(table, widths);
    for (size_t i = 0; table->headers[0] && i < table->columns; i++)
        write_cell(table, i, widths, str_of(table->headers[i]), out);
    for (size_t i = 0; i < table->count; i++) {
        write_cell(table, column, widths, table->cells[i], out);
        column = next_column(table, column);
    }
}
