/* The policies of a queue, which anybody may have written: any text comes to a verdict. */
#include "services/entitlectl/doctor/queue_policy.h"
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str input)
{
    static const char *const topics[] = {"arn:aws:sns:us-east-1:287250355862:aws-mp-1"};
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct queue_policy_question question = {
        .policy = input,
        .queue_arn = STR("arn:aws:sqs:us-east-1:444455556666:mp-events"),
        .topic_arns = {.items = (void *)topics, .count = 1}};
    struct queue_policy_verdict verdict = queue_policy_judge(&question, &arena);
    struct redrive redrive = redrive_read(input, &arena);

    FUZZ_HOLDS(verdict.text.len > 0 && (verdict.advice != NULL) == (verdict.level != FINDING_OK));
    FUZZ_HOLDS(redrive.target_arn.len <= input.len);
}
