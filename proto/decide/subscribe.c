/* The page where a refused customer can subscribe to the product that was asked about. */
#include "proto/decide/internal.h"

static struct str product_of(const struct answer *answer, const struct decide_question *question,
                             const struct decide_facts *facts)
{
    if (question->product.len > 0 || answer->reason != REASON_ENDED)
        return question->product;
    struct str product = STR_NONE;
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *record = facts->subscriptions[i];
        if (!decide_is_asked_about(record, question))
            continue;
        if (record_is_established(record))
            return record->product_code;
        if (product.len == 0)
            product = record->product_code;
    }
    return product;
}

struct str decide_subscribe_url(const struct answer *answer, const struct decide_question *question,
                                const struct decide_facts *facts,
                                const struct product_page *products, size_t product_count)
{
    if (answer->reason != REASON_NOT_SUBSCRIBED && answer->reason != REASON_ENDED)
        return STR_NONE;

    struct str product = product_of(answer, question, facts);
    if (product.len == 0)
        return product_count == 1 ? products[0].subscribe_url : STR_NONE;
    for (size_t i = 0; i < product_count; i++) {
        if (str_eq(products[i].code, product))
            return products[i].subscribe_url;
    }
    return STR_NONE;
}
