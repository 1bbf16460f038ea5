#include "services/checker/answering.h"

#include "proto/settings/settings_policy.h"

void answering_init(struct answering *answering, const struct settings *settings,
                    struct arena *arena)
{
    size_t count = settings->products.count;

    answering->policy = settings_policy(settings);
    answering->products.items = arena_alloc_array(arena, count, sizeof(struct product_page));
    answering->products.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct settings_product *product = settings_product_at(settings, i);
        answering->products.items[i] = (struct product_page){
            .code = str_of(product->code), .subscribe_url = str_of(product->subscribe_url)};
    }
}

static enum rpc_error answer_one(const struct answering *answering, struct replica_reader *reader,
                                 const struct decide_question *question, int64_t now_s,
                                 struct arena *arena, struct answer *ret_answer,
                                 struct error *error)
{
    struct decide_facts facts;

    replica_find_for(reader, question, arena, &facts);
    enum rpc_error code =
        decide(question, &facts, &answering->policy, now_s, arena, ret_answer, error);
    if (code == ERROR_NONE)
        ret_answer->subscribe_url =
            decide_subscribe_url(ret_answer, question, &facts, answering->products.items,
                                 answering->products.count, arena);
    return code;
}

/* Records are stamped in whole seconds. */
static int64_t age_seconds(int64_t max_age_ms)
{
    return max_age_ms > 0 ? (max_age_ms + 999) / 1000 : 0;
}

enum rpc_error answering_check(const struct answering *answering, struct replica_reader *reader,
                               const struct check_params *params, int64_t now_s,
                               struct arena *arena, struct answer *ret_answer, struct error *error)
{
    const struct decide_question question = {
        .handle = params->handle,
        .dimension = params->dimension,
        .quantity = params->quantity,
        .product = params->product,
        .license = params->license,
        .max_age_s = age_seconds(params->max_age_ms),
    };

    return answer_one(answering, reader, &question, now_s, arena, ret_answer, error);
}

void answering_check_many(const struct answering *answering, struct replica_reader *reader,
                          const struct check_many_params *params, int64_t now_s,
                          struct arena *arena, struct check_many_result *ret_result)
{
    size_t count = params->questions.count;

    ret_result->answers.items = arena_alloc_array(arena, count, sizeof(struct answer));
    ret_result->answers.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct question *asked = &params->questions.items[i];
        struct answer *answer = &ret_result->answers.items[i];
        struct error error;
        const struct decide_question question = {
            .handle = asked->handle,
            .dimension = asked->dimension,
            .quantity = asked->quantity,
            .product = params->product,
        };
        enum rpc_error code =
            answer_one(answering, reader, &question, now_s, arena, answer, &error);
        if (code == ERROR_NONE)
            continue;
        *answer = (struct answer){.error = str_of(rpc_errors[code].code),
                                  .message = arena_str(arena, str_of(error.text))};
    }
}

void answering_entitlements(const struct answering *answering, struct replica_reader *reader,
                            const struct entitlements_params *params, int64_t now_s,
                            struct arena *arena, struct entitlements_result *ret_result)
{
    struct decide_facts facts;

    replica_find(reader, params->handle, arena, &facts);
    decide_holdings(&facts, params->product, &answering->policy, now_s, arena,
                    &ret_result->holdings);
    ret_result->overrides.items =
        arena_alloc_array(arena, facts.override_count, sizeof(struct override));
    ret_result->overrides.count = facts.override_count;
    for (size_t i = 0; i < facts.override_count; i++)
        ret_result->overrides.items[i] = *facts.overrides[i];
}
