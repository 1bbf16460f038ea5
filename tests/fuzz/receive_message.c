/* An answer of SQS's ReceiveMessage. */
#include "common/base/mem.h"
#include "services/poller/received.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(json_freep) struct json *body = NULL;
    struct received_list list = {0};
    struct error error = {""};

    if (json_parse(&body, input, &error) < 0)
        return;
    received_read(body, &arena, &list);
    for (size_t i = 0; i < list.count; i++) {
        FUZZ_HOLDS(list.items[i].receipt_handle.len > 0);
        FUZZ_HOLDS(list.items[i].receive_count >= 1);
    }
}
