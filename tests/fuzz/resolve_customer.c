/* An answer of ResolveCustomer: what is taken from it, the store can be told. */
#include "services/registrar/resolved.h"
#include "tests/fuzz/again.h"

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(json_freep) struct json *body = NULL;
    struct resolved resolved;
    struct error error = {""};

    if (json_parse(&body, input, &error) < 0)
        return;
    if (resolved_read(body, &arena, &resolved, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    const struct register_params params = {
        .product_code = resolved.product_code,
        .account_id = resolved.account_id,
        .customer_identifier = resolved.customer_identifier,
        .license_arn = resolved.license_arn,
    };
    reads_again(&shape_register_params, &params, &arena);
}
