/* The file of the file mode: records, and the facts that decide, in JSON. Its format is described
 * in docs/man/entitled-fixture.5. */
#ifndef PROTO_CLIENTS_C_FILE_FIXTURE_H
#define PROTO_CLIENTS_C_FILE_FIXTURE_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "proto/clients/c/copy/local.h"

/* The bytes of the file. */
int fixture_read(const char *path, struct buf *ret_text, struct error *error);
/* Puts the contents of the text into local. */
int fixture_load(struct str text, struct local *local, struct error *error);

#endif
