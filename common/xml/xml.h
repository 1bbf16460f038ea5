/* Texts out of small XML documents. Sole user of expat. */
#ifndef COMMON_XML_XML_H
#define COMMON_XML_XML_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/base/str.h"

struct xml_text {
    const char *element;
    struct str text; /* empty if absent */
};

/* The text of the first element of each name, wherever it stands; copied into the arena. Fails if
 * it is not XML; error may be NULL. */
int xml_find(struct arena *arena, struct str xml, struct xml_text *texts, size_t count,
             struct error *error);

#endif
