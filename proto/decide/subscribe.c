#include "proto/decide/internal.h"

static struct str product_of(const struct answer *answer, const struct decide_question *question,
                             const struct decide_facts *facts, struct arena *arena)
{
    struct selection records;

    if (question->product.len > 0 || answer->reason != REASON_ENDED)
        return question->product;
    decide_select(question, facts, arena, &records);
    return records.count > 0 ? records.items[0]->product_code : STR_NONE;
}

struct str decide_subscribe_url(const struct answer *answer, const struct decide_question *question,
                                const struct decide_facts *facts,
                                const struct product_page *products, size_t product_count,
                                struct arena *arena)
{
    if (answer->reason != REASON_NOT_SUBSCRIBED && answer->reason != REASON_ENDED)
        return STR_NONE;

    struct str product = product_of(answer, question, facts, arena);
    if (product.len == 0)
        return product_count == 1 ? products[0].subscribe_url : STR_NONE;
    for (size_t i = 0; i < product_count; i++) {
        if (str_eq(products[i].code, product))
            return products[i].subscribe_url;
    }
    return STR_NONE;
}
