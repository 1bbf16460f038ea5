/* Values, times and spans as people read them. Pure; all append to out. */
#ifndef SERVICES_ENTITLECTL_PRINT_FORMAT_H
#define SERVICES_ENTITLECTL_PRINT_FORMAT_H

#include "common/base/buf.h"
#include "proto/message.h"

void format_value(struct buf *out, const struct value *value); /* appends nothing for VALUE_NONE */
void format_number(struct buf *out, double number);
void format_span(struct buf *out, int64_t span_s); /* "45 seconds", "3 minutes", "2 days" */
/* "2026-11-23T12:00:00Z (3 minutes ago)", "... (in 4 days)"; "never" for 0. */
void format_when(struct buf *out, int64_t time_s, int64_t now_s);
/* The licence as people name it: the trailing l-..., or else the whole text. */
struct str format_license(const struct subscription *record);
/* Its licence, or else the identifier by which AWS knows the customer. */
struct str format_customer(const struct subscription *record);
/* "checker-1" of ipc:///run/entitled/public/checker-1.query; of others the whole address. */
struct str format_process(const char *endpoint);

/* Breaks text into lines of at most width characters, at blanks; ends with a line end. Control
 * characters become '?'. */
void format_wrap(struct buf *out, struct str text, size_t width);

/* The text with '?' in place of control characters, which could move the cursor or colour the
 * terminal. */
void format_printable(struct buf *out, struct str text);

#endif
