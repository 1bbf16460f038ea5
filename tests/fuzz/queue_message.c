/* The body of a message, from EventBridge or SNS: whatever it is, the store can be told; and its
 * signature. */
#include "services/poller/message.h"
#include "services/poller/signature.h"
#include "tests/fuzz/again.h"

static const char *accounts[] = {"444455556666"};
static const struct message_owner owners[] = {
    {{0}, {0}},
    {.seller_accounts = {accounts, 1}},
};

static void tell_store(const struct notification *message, struct arena *arena)
{
    struct notification told = *message;

    /* What the queue knows. */
    told.queue = STR("main");
    told.message_id = STR("00000000-0000-4000-8000-000000000000");
    reads_again(&shape_notification, &told, arena);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct notification message, refused, stripped;
    struct signature signature;
    struct error error = {""};

    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        message = refused = stripped = (struct notification){0};
        message_read(input, &owners[i], &arena, &message);
        tell_store(&message, &arena);
        message_refuse(&message, STR("it is not signed"), &arena, &refused);
        tell_store(&refused, &arena);
        message_strip(&message, STR("the store refused it"), &arena, &stripped);
        tell_store(&stripped, &arena);
    }
    if (signature_read(input, &arena, &signature, &error) < 0)
        FUZZ_HOLDS(error.text[0]);
}
