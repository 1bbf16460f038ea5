/* The vendor's colour, made readable: WCAG 2.1 (1.4.3) asks for a contrast of 4.5 to 1. */
#ifndef SERVICES_REGISTRAR_COLOUR_H
#define SERVICES_REGISTRAR_COLOUR_H

#include "common/base/str.h"

struct colour {
    double red, green, blue; /* 0 .. 1 */
};

#define COLOUR_TEXT_SIZE 8

/* "#1f4b99" or "#abc"; 0, or -1 if it is neither. */
int colour_parse(struct str text, struct colour *ret);
const char *colour_format(struct colour colour, char text[COLOUR_TEXT_SIZE]);
double colour_contrast(struct colour a, struct colour b); /* 1 .. 21 */
/* The same colour, as dark as it must be to be read on white, and to have white read on it. */
struct colour colour_readable_on_white(struct colour colour);

#endif
