/* `describe` and `stats`. On the loop. */
#include <math.h>

#include "common/base/clock.h"
#include "proto/figures/figures.h"
#include "services/checker/checker.h"

void on_describe(void *arg, struct rpc_request *request)
{
    const struct checker *checker = arg;
    struct decision_policy policy = policy_to_message(&checker->guidance.policy);
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    const struct describe_result result = {
        .daemon = STR("entitled-checker"),
        .version = STR(ENTITLED_VERSION),
        .instance = str_of(checker->daemon->instance),
        .protocol_major = PROTOCOL_MAJOR,
        .protocol_minor = PROTOCOL_MINOR,
        .ready = now.complete || now.kept,
        .incarnation = now.incarnation,
        .seq = now.seq,
        .peers = suite_peers(&checker->suite),
        .policy = &policy,
        .products = checker->guidance.products,
        .catching_up_since = now.catching_up_since_s,
    };
    rpc_reply(request, &result);
}

static void add_own(const struct checker *checker, struct figures *figures)
{
    struct refresh_stats refresh = refresh_stats(checker->refresh);
    struct max_age_stats max_age = max_age_stats(checker->max_age);
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
#define FIGURES_OF_checker FIGURES_ADD
#include "proto/figures/figures.def"
}

void on_stats(void *arg, struct rpc_request *request)
{
    const struct checker *checker = arg;
    struct figures figures = {.arena = rpc_request_arena(request)};

    add_own(checker, &figures);
    suite_add_figures(&checker->suite, checker->queries, public_feed_stats(checker->feed),
                      &figures);
    rpc_reply(request,
              &(struct stats_result){.counters = figures.list,
                                     .aws_credentials = aws_credentials_source(checker->aws),
                                     .aws_account = aws_account(checker->aws)});
}
