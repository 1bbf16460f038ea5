#include "tests/support/steps.h"

uint64_t steps_taken;

/* Called by what gcc and clang put at the beginning of each branch. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    steps_taken++;
}
