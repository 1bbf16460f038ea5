#include "common/aws/client/caller.h"

#include "common/aws/client/client.h"
#include "common/base/buf.h"
#include "common/base/mem.h"

enum { SECOND_MS = 1000, FIRST_DELAY_MS = 5 * SECOND_MS, LONGEST_DELAY_MS = 300 * SECOND_MS };

static void ask(struct caller *caller);

static void tell(const struct caller *caller, struct str failure)
{
    caller->fn(caller->arg, &(struct aws_caller){.account = str_of(caller->account),
                                                 .failure = failure,
                                                 .source = aws_credentials_source(caller->aws)});
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
    struct caller *caller = arg;

    caller->timer = NULL;
    ask(caller);
}

static void on_identity(void *arg, const struct aws_response *response, struct str account,
                        struct str arn)
{
    struct caller *caller = arg;
    struct aws *aws = caller->aws;
    cleanup(buf_done) struct buf why = BUF_INIT;
    (void)arn;

    caller->call = NULL;
    /* Replaced while they were asked about. */
    if (response->outcome == AWS_OK && response->signed_by != aws->credentials.generation) {
        ask(caller);
        return;
    }
    if (response->outcome == AWS_OK) {
        caller->failures = 0;
        caller->generation = response->signed_by;
        caller->account = str_dup(account);
        tell(caller, STR_NONE);
        return;
    }
    caller->failures++;
    caller->timer =
        loop_after(aws->loop, caller_delay_ms(caller->failures, aws->random()), on_timer, caller);
    buf_printf(&why, STR_FMT "%s" STR_FMT, STR_ARG(response->code),
               response->code.len > 0 ? ": " : "", STR_ARG(response->message));
    tell(caller, buf_str(&why));
}

static void ask(struct caller *caller)
{
    loop_cancel(take(caller->timer));
    mem_free(take(caller->account));
    if (!caller->call)
        caller->call = aws_caller_identity(caller->aws, on_identity, caller);
}

void caller_credentials_changed(struct aws *aws)
{
    if (aws->caller)
        ask(aws->caller);
}

void caller_close(struct aws *aws)
{
    struct caller *caller = take(aws->caller);

    if (!caller)
        return;
    aws_call_cancel(caller->call);
    loop_cancel(caller->timer);
    mem_free(caller->account);
    mem_free(caller);
}

void aws_watch_caller(struct aws *aws, aws_caller_fn *fn, void *arg)
{
    aws->caller = mem_alloc_zero(sizeof(*aws->caller));
    *aws->caller = (struct caller){.aws = aws, .fn = fn, .arg = arg};
    ask(aws->caller);
}

struct str aws_caller_account(const struct aws *aws, unsigned signed_by)
{
    const struct caller *caller = aws->caller;

    return caller && caller->account && caller->generation == signed_by ? str_of(caller->account)
                                                                        : STR_NONE;
}

struct str aws_account(const struct aws *aws)
{
    return aws_caller_account(aws, aws->credentials.generation);
}
