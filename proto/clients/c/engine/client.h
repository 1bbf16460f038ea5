/* What the functions of entitled.h share. */
#ifndef PROTO_CLIENTS_C_ENGINE_CLIENT_H
#define PROTO_CLIENTS_C_ENGINE_CLIENT_H

#include <stdatomic.h>

#include "common/base/buf.h"
#include "proto/clients/c/engine/engine.h"

struct entitled {
    struct entitled_options *options;
    struct buf fixture; /* the text of the file mode */
    _Atomic(struct engine *) engine;
};

/* The engine of this process. ENTITLED_OK, or the code and *error. */
int client_engine(struct entitled *client, struct engine **ret_engine,
                  struct entitled_error *error);

#endif
