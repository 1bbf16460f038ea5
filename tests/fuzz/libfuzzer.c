/* A fuzzer under libFuzzer: its entry, and nothing else. */
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(str_from(data, size));
    return 0;
}
