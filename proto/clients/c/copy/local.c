#include "proto/clients/c/copy/local.h"

#include <stdatomic.h>
#include <time.h>

#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/copy/readers.h"
#include "proto/codec/codec.h"

/* The facts that answers depend on beside the records. A reader may still use an old version for a
 * moment. There are few versions, so each lives as long as the client. */
struct guidance {
    struct guidance *older;
    struct arena arena;
    struct replica_guidance given;
};

struct local {
    struct replica *replica;
    struct readers *readers;
    _Atomic(struct guidance *) guidance;
    int64_t stopped_at_s;
};

struct local *local_new(void)
{
    struct local *local = mem_alloc_zero(sizeof(*local));

    local->replica = replica_new();
    local->readers = readers_new(local->replica);
    local_decide_by(local, NULL, &(struct product_page_list){0});
    return local;
}

void local_free(struct local *local)
{
    if (!local)
        return;
    readers_free(local->readers);
    replica_free(local->replica);
    for (struct guidance *guidance = atomic_load(&local->guidance), *older; guidance;
         guidance = older) {
        older = guidance->older;
        arena_done(&guidance->arena);
        mem_free(guidance);
    }
    mem_free(local);
}

struct replica *local_replica(struct local *local)
{
    return local->replica;
}

void local_stop_clock(struct local *local, int64_t now_s)
{
    local->stopped_at_s = now_s;
}

static bool same_products(const struct product_page_list *a, const struct product_page_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!codec_equal(&shape_product_page, &a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

static bool same_policy(const struct policy *a, const struct policy *b)
{
    struct decision_policy x = policy_to_message(a), y = policy_to_message(b);

    return codec_equal(&shape_decision_policy, &x, &y);
}

void local_decide_by(struct local *local, const struct decision_policy *policy,
                     const struct product_page_list *products)
{
    struct policy spans = policy ? policy_of_message(policy) : policy_default;
    struct guidance *now = atomic_load(&local->guidance);

    if (now && same_policy(&now->given.policy, &spans) &&
        same_products(&now->given.products, products))
        return;
    struct guidance *guidance = mem_alloc_zero(sizeof(*guidance));
    guidance->older = now;
    guidance->given.policy = spans;
    guidance->given.products.items =
        arena_alloc_array(&guidance->arena, products->count, sizeof(struct product_page));
    guidance->given.products.count = products->count;
    for (size_t i = 0; i < products->count; i++)
        codec_copy(&shape_product_page, &products->items[i], &guidance->arena,
                   &guidance->given.products.items[i]);
    atomic_store(&local->guidance, guidance);
}

static int answer_from(struct local *local, struct reader_slot *slot,
                       const struct inquiry *question, int64_t age_ms,
                       struct entitled_answer *answer)
{
    const struct guidance *guidance = atomic_load(&local->guidance);
    const struct check_params *params = &question->params;
    const struct decide_question asked = {
        .handle = params->handle,
        .dimension = params->dimension,
        .quantity = params->quantity,
        .product = params->product,
        .license = params->license,
        .max_age_ms = params->max_age_ms,
    };
    int64_t now_s = local->stopped_at_s != 0 ? local->stopped_at_s : (int64_t)time(NULL);
    struct replica_lookup lookup;
    char id[TEXT_ID_LEN];
    struct answer decided;
    struct error why;

    replica_seek(slot->reader, &asked, &lookup);
    replica_fetch(&lookup);
    enum rpc_error code =
        replica_answer(&lookup, &guidance->given, now_s, &slot->arena, id, &decided, &why);
    if (code != ERROR_NONE) {
        answer_clear(answer);
        return failure_set(&answer->error, failure_code(code), "%s", why.text);
    }
    return answer_fill(answer, &decided, age_ms);
}

int local_check(struct local *local, const struct inquiry *question, int64_t age_ms,
                struct entitled_answer *answer)
{
    struct reader_slot *slot = readers_get(local->readers);

    arena_clear(&slot->arena);
    replica_read_begin(slot->reader);
    int code = answer_from(local, slot, question, age_ms, answer);
    replica_read_end(slot->reader);
    return code;
}

void local_abort_read(struct local *local)
{
    struct reader_slot *slot = readers_find(local->readers);

    if (slot)
        replica_read_end(slot->reader);
}
