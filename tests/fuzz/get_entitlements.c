/* A page of GetEntitlements: what is taken from it, the store can be told. */
#include "services/checker/entitlement_answer.h"
#include "tests/fuzz/again.h"

static void read_page(const struct json *body, struct arena *arena)
{
    struct entitlement_rows rows = {0};
    struct str next_token;
    struct error error = {""};

    if (entitlement_page_read(body, STR("4exampleproductcode0000001"), arena, &rows, &next_token,
                              &error) < 0)
        FUZZ_HOLDS(error.text[0]);
    else
        for (size_t i = 0; i < rows.count; i++)
            reads_again(&shape_aws_entitlement, &rows.items[i], arena);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(json_freep) struct json *body = NULL;
    struct error error = {""};

    if (json_parse(&body, input, &error) == 0)
        read_page(body, &arena);
}
