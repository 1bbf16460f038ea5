/* The parts of a client in one process. After fork() the child makes its own. */
#ifndef PROTO_CLIENTS_C_ENGINE_ENGINE_H
#define PROTO_CLIENTS_C_ENGINE_ENGINE_H

#include <stdatomic.h>

#include "proto/clients/c/copy/worker.h"
#include "proto/clients/c/remote/async.h"
#include "proto/clients/c/remote/session.h"

struct engine {
    struct engine *before; /* of the parent process: neither touched nor freed again */
    unsigned generation;   /* of the process */
    const struct entitled_options *options;
    struct roster *roster;            /* all but the file mode */
    struct endpoint_context *context; /* likewise */
    struct session_pool *pool;        /* likewise */
    struct local *local;              /* in process, and the file mode */
    struct worker *worker;            /* in process */
    struct subset *subset;            /* in process, of some records */
    _Atomic(struct async *) async;    /* once it is needed */
    atomic_bool lost;                 /* memory ran out while that was made; its sockets are lost */
};

/* A number that differs in a child of this process. */
unsigned engine_generation(void);

/* Under guard_call(). fixture: the text of the file mode. NULL, and *error says why. */
struct engine *engine_new(const struct entitled_options *options, struct str fixture,
                          struct entitled_error *error);
void engine_free(struct engine *engine); /* takes NULL */
/* Ends the read of this thread, after memory ran out within one of the following. */
void engine_abort_read(struct engine *engine);

/* Under guard_call(). The code; the answer is filled, or holds the error. */
int engine_check(struct engine *engine, const struct inquiry *question,
                 struct entitled_answer *answer);
/* Whether there is a copy, and it answers. */
bool engine_copy_answers(const struct engine *engine);
/* Answers from the copy or the file, without waiting. False: a checker must be asked. */
bool engine_check_locally(struct engine *engine, const struct inquiry *question,
                          struct entitled_answer *answer, int *ret_code);

#endif
