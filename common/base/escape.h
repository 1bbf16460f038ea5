/* Texts from outside within texts of another language. */
#ifndef COMMON_BASE_ESCAPE_H
#define COMMON_BASE_ESCAPE_H

#include "common/base/buf.h"

/* Appends text with & < > " ' escaped: the only way it enters HTML or XML. */
void escape_markup(struct buf *out, struct str text);
void escape_percent(struct buf *out, struct str text); /* RFC 3986: unreserved characters stay */

#endif
