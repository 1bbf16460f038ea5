/* Text as a borrowed view: a pointer and a length, not terminated, never owned.
 *
 * A view lives as long as what it points into: a literal for ever, a decoded message until its
 * handler returns. str_dup() and arena_str() keep a copy.
 */
#ifndef COMMON_BASE_STR_H
#define COMMON_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For a table's constant initialiser, where a compound literal is not allowed. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define STR_NONE   ((struct str){NULL, 0})
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *text); /* NULL gives an empty view */
struct str str_from(const void *ptr, size_t len);
bool str_eq(struct str a, struct str b);
bool str_eq_text(struct str a, const char *text);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_is_empty(struct str s);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
int str_compare(struct str a, struct str b); /* by bytes, then by length */
struct str str_trim(struct str s);           /* blanks, tabs, line ends */

/* Splits at the first separator: returns the part before, leaves the rest in *s (empty at the end).
 */
struct str str_split(struct str *s, char separator);

char *str_dup(struct str s); /* terminated; caller frees with mem_free() */

/* Whole-string decimal; false for anything else, overflow included. */
bool str_to_i64(struct str s, int64_t *ret_value);

/* True when s is well-formed UTF-8 without NUL. */
bool str_is_utf8(struct str s);

/* Puts a question mark in the place of each byte of text (terminated) that is no part of a
 * character. */
void str_mend_utf8(char *text);

#endif
