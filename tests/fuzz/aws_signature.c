/* The sandbox's check of signatures. The input: method, path and query, headers, each on a line;
 * an empty line; the body. */
#include <ctype.h>

#include "common/base/mem.h"
#include "services/sandbox/verify.h"
#include "services/sandbox/world_json.h"
#include "tests/fuzz/fuzz.h"

enum { HEADERS_MAX = 32, NOW_S = 1795435200 /* of the vectors: 2026-11-23T12:00:00Z */ };

static const struct world *world(void)
{
    static struct world kept;
    cleanup(json_freep) struct json *object = NULL;
    struct error error = {""};

    if (kept.region.len == 0) {
        world_init(&kept);
        FUZZ_HOLDS(json_parse(&object, str_of(world_default_text), &error) == 0);
        FUZZ_HOLDS(world_load(&kept, object, &error) == 0);
    }
    return &kept;
}

void fuzz_one(struct str input)
{
    struct sigv4_header headers[HEADERS_MAX];
    struct signed_request request = {.headers = headers};
    struct caller caller = {0};
    struct answer answer = {0};

    request.method = str_split(&input, '\n');
    request.path = str_split(&input, '\n');
    request.query = str_split(&input, '\n');
    while (request.header_count < HEADERS_MAX) {
        struct str value = str_split(&input, '\n');
        if (value.len == 0)
            break;
        struct str name = str_split(&value, ':');
        headers[request.header_count++] = (struct sigv4_header){name, str_trim(value)};
    }
    request.body = input;
    if (verify_signature(world(), SERVICE_METERING, &request, NOW_S, &caller, &answer))
        FUZZ_HOLDS(caller.key && caller.account.len > 0 && !answer.code);
    else
        FUZZ_HOLDS(answer.code && answer.message[0]);
    answer_done(&answer);
}
