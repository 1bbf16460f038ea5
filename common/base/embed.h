/* Files that a program carries within itself: entitled_embed() in common/cmake makes the tables. */
#ifndef COMMON_BASE_EMBED_H
#define COMMON_BASE_EMBED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* without directory; NULL ends a table */
    const unsigned char *bytes;
    size_t len;
};

/* The table that the build makes of services/registrar/templates and the like is declared by its
 * user: `extern const struct embedded_file registrar_templates[];` */

#endif
