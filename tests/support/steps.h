/* Work, counted: how many branches of the code under test ran. It is built once more for that, with
 * -fsanitize-coverage=trace-pc (library "counted"), so no clock and no machine has a say. */
#ifndef TESTS_SUPPORT_STEPS_H
#define TESTS_SUPPORT_STEPS_H

#include <stdint.h>

extern uint64_t steps_taken;

#endif
