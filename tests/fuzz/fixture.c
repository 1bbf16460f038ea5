/* The client library's file of records, and a question to it. */
#include "proto/clients/c/file/fixture.h"
#include "common/base/mem.h"
#include "proto/clients/c/call/answer.h"
#include "tests/fuzz/fuzz.h"

static void ask(struct local *local, struct str handle)
{
    const struct inquiry question = {.params = {.handle = handle, .dimension = STR("seats")}};
    struct entitled_answer answer = {0};

    local_check(local, &question, AGE_UNKNOWN, &answer);
    FUZZ_HOLDS(!answer.allow || answer.error.code == 0);
    buf_done(&answer.granted_string);
    buf_done(&answer.subscribe_url);
}

void fuzz_one(struct str input)
{
    struct local *local = local_new();
    struct error error = {""};

    if (fixture_load(input, local, &error) < 0)
        FUZZ_HOLDS(error.text[0]);
    else
        ask(local, STR("acme"));
    local_free(local);
}
