/* A CURVE certificate as it stands in a file: whatever is taken from it is a key. */
#include <string.h>

#include "common/keys/certificate.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str input)
{
    struct certificate_note note;
    struct curve_keys keys;

    if (certificate_parse(input, &keys, &note) < 0)
        return;
    FUZZ_HOLDS(strlen(keys.public_key) == CURVE_KEY_SIZE - 1);
    FUZZ_HOLDS(curve_key_is_valid(str_of(keys.public_key)));
    FUZZ_HOLDS(!*keys.secret_key || curve_key_is_valid(str_of(keys.secret_key)));
    FUZZ_HOLDS(strlen(note.name) < sizeof(note.name) && strlen(note.host) < sizeof(note.host));
}
