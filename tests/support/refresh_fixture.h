/* One worker of a checker between an AWS and a store that the test plays. */
#ifndef TESTS_SUPPORT_REFRESH_FIXTURE_H
#define TESTS_SUPPORT_REFRESH_FIXTURE_H

#include <string.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/checker/refresh.h"
#include "tests/support/played_calls.h"
#include "tests/support/vectors.h"

enum { FENCE = 77, LEASE_MS = 30000 };

static struct {
    struct refresh *refresh;
    bool drained;
    const char *account; /* that the credentials are of */
    unsigned signed_by;  /* the number of these credentials */
} world;

struct str aws_caller_account(const struct aws *aws, unsigned signed_by)
{
    (void)aws;
    return signed_by == world.signed_by ? str_of(world.account) : STR_NONE;
}

struct str aws_account(const struct aws *aws)
{
    return aws_caller_account(aws, world.signed_by);
}

/* Playing AWS and the store. */

static inline struct rpc_call *last_rpc(enum method_id method)
{
    assert_true(played.rpc_count > 0);
    struct rpc_call *call = &played.rpc[played.rpc_count - 1];
    assert_int_equal(call->method, method);
    assert_true(call->open);
    return call;
}

/* Waits for the next call to the store, which comes on a timer. */
static inline struct rpc_call *next_rpc(enum method_id method)
{
    played.rpc_wanted = played.rpc_count + 1;
    loop_run(played.loop);
    return last_rpc(method);
}

static inline struct aws_call *last_aws(void)
{
    assert_true(played.aws_count > 0);
    struct aws_call *call = &played.aws[played.aws_count - 1];
    assert_true(call->open);
    assert_int_equal(call->service, AWS_ENTITLEMENT);
    assert_string_equal(call->operation, "GetEntitlements");
    assert_in_range(call->deadline_ms, 1, LEASE_MS - 1000);
    return call;
}

/* Waits for the next call to AWS, which comes on a timer. */
static inline struct aws_call *next_aws(void)
{
    played.aws_wanted = played.aws_count + 1;
    loop_run(played.loop);
    return last_aws();
}

/* An attempt waits for admission; true: it got it at once. */
static inline bool attempt(struct aws_call *call)
{
    unsigned before = call->admitted;

    call->admit(call->admit_arg, call);
    return call->admitted == before + 1;
}

static inline void aws_answers(struct aws_call *call, const char *json)
{
    cleanup(json_freep) struct json *body = NULL;

    assert_int_equal(json_parse(&body, str_of(json), NULL), 0);
    played_aws_answers(call, &(struct aws_response){.outcome = AWS_OK,
                                                    .http_status = 200,
                                                    .body = body,
                                                    .signed_by = world.signed_by,
                                                    .began_wall_ms = 1700000000999});
}

static inline void aws_fails(struct aws_call *call, enum aws_outcome outcome, const char *code)
{
    played_aws_answers(call, &(struct aws_response){.outcome = outcome,
                                                    .code = str_of(code),
                                                    .message = STR("as the test has it")});
}

static struct subscription record = {.id = STR_INIT("sub-1"),
                                     .product_code = STR_INIT("product"),
                                     .account_id = STR_INIT("111122223333"),
                                     .license_arn = STR_INIT("arn:license:l-1")};

static inline struct aws_call *claimed(enum scope scope, bool probe_product)
{
    const struct claim_result work = {.subscription = &record,
                                      .class = DUE_NOTIFICATION,
                                      .fence = FENCE,
                                      .lease_ms = LEASE_MS,
                                      .scope = scope,
                                      .probe_product = probe_product};

    played_store_answers(last_rpc(METHOD_store_claim), ERROR_NONE, &work);
    struct aws_call *call = last_aws();
    assert_true(attempt(call));
    return call;
}

static inline void on_drained(void *arg)
{
    (void)arg;
    world.drained = true;
}

static inline void begin(int64_t batches_again_ms, int64_t page_patience_ms)
{
    memset(&world, 0, sizeof(world));
    played_begin();
    world.refresh = refresh_new(&(struct refresh_options){.loop = played.loop,
                                                          .checker = "one",
                                                          .concurrent_calls = 1,
                                                          .batches_again_ms = batches_again_ms,
                                                          .page_patience_ms = page_patience_ms,
                                                          .on_drained = on_drained});
}

static inline int set_up(void **state)
{
    (void)state;
    begin(0, 0);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    refresh_free(world.refresh);
    played_end();
    return 0;
}

#define ROW "{\"ProductCode\":\"product\",\"Dimension\":\"seats\",\"Value\":{\"IntegerValue\":10}}"

static inline const struct apply_params *applied(void)
{
    return last_rpc(METHOD_store_apply)->params;
}

static inline struct str released(void)
{
    const struct release_params *params = last_rpc(METHOD_store_release)->params;

    assert_int_equal(params->fence, FENCE);
    assert_true(str_eq_text(params->subscription, "sub-1"));
    return params->error;
}

static inline void expect_released(const char *why)
{
    cleanup(mem_freep) char *error = str_dup(released());

    assert_non_null(strstr(error, why));
    played_store_answers(last_rpc(METHOD_store_release), ERROR_NONE, NULL);
    assert_int_equal(refresh_stats(world.refresh).failed, 1);
    next_rpc(METHOD_store_claim);
}

#define ROW_OF(licence)                                                                            \
    "{\"ProductCode\":\"product\",\"LicenseArn\":\"" licence "\",\"Dimension\":\"seats\"}"

#endif
