#include "proto/clients/c/call/guard.h"

#include <setjmp.h>

#include "common/base/mem.h"

struct way_back {
    jmp_buf place;
    struct way_back *outer;
};

static _Thread_local struct way_back *way_back;

bool guard_call(guarded_fn *fn, void *arg)
{
    struct way_back here = {.outer = way_back};

    if (setjmp(here.place) != 0) {
        way_back = here.outer;
        return false;
    }
    way_back = &here;
    fn(arg);
    way_back = here.outer;
    return true;
}

/* Every function of entitled.h that allocates, and the worker's thread, run under a guard. */
void mem_exhausted(void)
{
    longjmp(way_back->place, 1);
}
