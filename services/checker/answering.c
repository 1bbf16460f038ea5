#include "services/checker/answering.h"

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/settings/settings_policy.h"

void answering_init(struct replica_guidance *guidance, const struct settings *settings,
                    struct arena *arena)
{
    size_t count = settings->products.count;

    guidance->policy = settings_policy(settings);
    guidance->products.items = arena_alloc_array(arena, count, sizeof(struct product_page));
    guidance->products.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct settings_product *product = settings_product_at(settings, i);
        guidance->products.items[i] = (struct product_page){
            .code = str_of(product->code), .subscribe_url = str_of(product->subscribe_url)};
    }
}

void answering_fetch(struct answering_inquiry *inquiry)
{
    replica_fetch(&inquiry->lookup);
}

void answering_seek(struct replica_reader *reader, const struct check_params *params,
                    struct answering_inquiry *ret_inquiry)
{
    ret_inquiry->question = (struct decide_question){
        .handle = params->handle,
        .dimension = params->dimension,
        .quantity = params->quantity,
        .product = params->product,
        .license = params->license,
        .max_age_ms = params->max_age_ms,
    };
    replica_seek(reader, &ret_inquiry->question, &ret_inquiry->lookup);
}

enum rpc_error answering_check(const struct replica_guidance *guidance,
                               struct replica_reader *reader, const struct check_params *params,
                               int64_t now_s, struct arena *arena, struct answer *ret_answer,
                               struct error *error)
{
    struct answering_inquiry inquiry;

    answering_seek(reader, params, &inquiry);
    answering_fetch(&inquiry);
    return replica_answer(&inquiry.lookup, guidance, now_s, arena, arena_alloc(arena, TEXT_ID_LEN),
                          ret_answer, error);
}

static void seek_one_of_many(struct replica_reader *reader, const struct check_many_params *params,
                             size_t index, struct answering_inquiry *ret_inquiry)
{
    const struct question *asked = &params->questions.items[index];

    ret_inquiry->question = (struct decide_question){
        .handle = asked->handle,
        .dimension = asked->dimension,
        .quantity = asked->quantity,
        .product = params->product,
    };
    replica_seek(reader, &ret_inquiry->question, &ret_inquiry->lookup);
}

static void take_one_of_many(const struct replica_guidance *guidance,
                             struct answering_inquiry *inquiry, int64_t now_s, struct arena *arena,
                             char id[TEXT_ID_LEN], struct answer *answer)
{
    struct error error;
    enum rpc_error code =
        replica_answer(&inquiry->lookup, guidance, now_s, arena, id, answer, &error);

    if (code != ERROR_NONE)
        *answer = (struct answer){.error = str_of(rpc_errors[code].code),
                                  .message = arena_str(arena, str_of(error.text))};
}

size_t answering_breadth(struct replica_reader *reader, struct str handle)
{
    const struct decide_question question = {.handle = handle};
    struct replica_lookup lookup;

    replica_seek(reader, &question, &lookup);
    replica_fetch(&lookup);
    return replica_breadth(&lookup);
}

size_t answering_breadth_of_many(struct replica_reader *reader,
                                 const struct check_many_params *params)
{
    size_t breadth = 0;

    for (size_t i = 0; i < params->questions.count; i++)
        breadth += answering_breadth(reader, params->questions.items[i].handle);
    return breadth;
}

void answering_one_of_many(const struct replica_guidance *guidance, struct replica_reader *reader,
                           const struct check_many_params *params, size_t index, int64_t now_s,
                           struct arena *arena, struct answer *ret_answer)
{
    struct answering_inquiry inquiry;

    seek_one_of_many(reader, params, index, &inquiry);
    answering_fetch(&inquiry);
    take_one_of_many(guidance, &inquiry, now_s, arena, arena_alloc(arena, TEXT_ID_LEN), ret_answer);
}

void answering_check_many(const struct replica_guidance *guidance, struct replica_reader *reader,
                          const struct check_many_params *params, int64_t now_s,
                          struct arena *arena, struct check_many_result *ret_result)
{
    enum { TOGETHER = 32 };
    struct answering_inquiry inquiries[TOGETHER];
    size_t count = params->questions.count;
    char(*ids)[TEXT_ID_LEN] = arena_alloc_array(arena, count, sizeof(ids[0]));

    ret_result->answers.items = arena_alloc_array(arena, count, sizeof(struct answer));
    ret_result->answers.count = count;
    for (size_t first = 0; first < count; first += TOGETHER) {
        size_t here = count - first < TOGETHER ? count - first : TOGETHER;
        for (size_t i = 0; i < here; i++)
            seek_one_of_many(reader, params, first + i, &inquiries[i]);
        for (size_t i = 0; i < here; i++)
            answering_fetch(&inquiries[i]);
        for (size_t i = 0; i < here; i++)
            take_one_of_many(guidance, &inquiries[i], now_s, arena, ids[first + i],
                             &ret_result->answers.items[first + i]);
    }
}

/* As many holdings as fit beside the overrides, whose size the store bounds; one at least. */
static void cut_to_a_message(struct entitlements_result *result)
{
    enum { HOLDINGS_BYTES = 1 << 20 };
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    size_t count = 0;

    while (count < result->holdings.count && bytes.len < HOLDINGS_BYTES)
        codec_encode(&shape_holding, &result->holdings.items[count++], &bytes);
    if (bytes.len >= HOLDINGS_BYTES && count > 1)
        count--;
    if (count == result->holdings.count)
        return;
    result->holdings.count = count;
    result->next = result->holdings.items[count - 1].subscription->id;
}

void answering_entitlements(const struct replica_guidance *guidance, struct replica_reader *reader,
                            const struct entitlements_params *params, int64_t now_s,
                            struct arena *arena, struct entitlements_result *ret_result)
{
    enum { HOLDINGS_MAX = 1000 };
    struct decide_facts facts;

    replica_find(reader, params->handle, arena, &facts);
    decide_holdings_after(&facts, params->product, params->after, HOLDINGS_MAX, &guidance->policy,
                          now_s, arena, &ret_result->holdings, &ret_result->next);
    cut_to_a_message(ret_result);
    if (params->after.len > 0)
        return;
    ret_result->overrides.items =
        arena_alloc_array(arena, facts.override_count, sizeof(struct override));
    ret_result->overrides.count = facts.override_count;
    for (size_t i = 0; i < facts.override_count; i++)
        ret_result->overrides.items[i] = *facts.overrides[i];
}
