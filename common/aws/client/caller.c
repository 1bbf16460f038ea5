/* Whose credentials we sign with, as GetCallerIdentity says, kept true while they change.
 *
 * What is known is known of one generation of credentials: whoever has an answer asks by the
 * generation that signed it, so that nothing is said of keys that were replaced in between.
 */
#include "common/aws/internal.h"
#include "common/base/mem.h"

enum { SECOND_MS = 1000, FIRST_DELAY_MS = 5 * SECOND_MS, LONGEST_DELAY_MS = 300 * SECOND_MS };

static void ask(struct aws *aws);

static void tell(struct aws *aws, struct str failure)
{
    const struct caller *caller = &aws->caller;

    caller->fn(caller->arg, &(struct aws_caller){.account = str_of(caller->account),
                                                 .failure = failure,
                                                 .source = aws_credentials_source(aws)});
}

/* Doubling, with half of it jitter: a machine's daemons fail together. */
int64_t caller_delay_ms(unsigned failures, double random)
{
    int64_t delay_ms = (int64_t)FIRST_DELAY_MS << (failures < 7 ? failures - 1 : 6);

    if (delay_ms > LONGEST_DELAY_MS)
        delay_ms = LONGEST_DELAY_MS;
    return delay_ms / 2 + (int64_t)(random * (double)delay_ms / 2);
}

static void on_timer(void *arg)
{
    struct aws *aws = arg;

    aws->caller.timer = NULL;
    ask(aws);
}

static void on_identity(void *arg, const struct aws_response *response, struct str account,
                        struct str arn)
{
    struct aws *aws = arg;
    struct caller *caller = &aws->caller;
    cleanup(buf_done) struct buf why = BUF_INIT;
    (void)arn;

    caller->call = NULL;
    /* Replaced while they were asked about. */
    if (response->outcome == AWS_OK && response->signed_by != aws->credentials.generation) {
        ask(aws);
        return;
    }
    if (response->outcome == AWS_OK) {
        caller->failures = 0;
        caller->generation = response->signed_by;
        caller->account = str_dup(account);
        tell(aws, STR_NONE);
        return;
    }
    caller->failures++;
    caller->timer =
        loop_after(aws->loop, caller_delay_ms(caller->failures, aws->random()), on_timer, aws);
    buf_printf(&why, STR_FMT "%s" STR_FMT, STR_ARG(response->code),
               response->code.len > 0 ? ": " : "", STR_ARG(response->message));
    tell(aws, buf_str(&why));
}

static void ask(struct aws *aws)
{
    struct caller *caller = &aws->caller;

    loop_cancel(take(caller->timer));
    mem_free(take(caller->account));
    if (!caller->call)
        caller->call = aws_caller_identity(aws, on_identity, aws);
}

void caller_credentials_changed(struct aws *aws)
{
    if (aws->caller.fn)
        ask(aws);
}

void caller_close(struct aws *aws)
{
    loop_cancel(take(aws->caller.timer));
    mem_free(take(aws->caller.account));
}

void aws_watch_caller(struct aws *aws, aws_caller_fn *fn, void *arg)
{
    aws->caller.fn = fn;
    aws->caller.arg = arg;
    ask(aws);
}

struct str aws_caller_account(const struct aws *aws, unsigned signed_by)
{
    const struct caller *caller = &aws->caller;

    return caller->account && caller->generation == signed_by ? str_of(caller->account) : STR_NONE;
}

struct str aws_account(const struct aws *aws)
{
    return aws_caller_account(aws, aws->credentials.generation);
}
