/* Methods about the seller's account: seller, seller_adopt. */
#include "services/store/methods/handlers.h"
#include "services/store/tables/seller.h"

enum { ACCOUNT_DIGITS = 12 };

enum rpc_error on_seller(struct work *work)
{
    struct seller_result *result = work->result;

    result->account = seller_account(work->books->db, work->arena);
    return ERROR_NONE;
}

static bool is_account(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len == ACCOUNT_DIGITS;
}

enum rpc_error on_seller_adopt(struct work *work)
{
    const struct seller_adopt_params *params = work->params;
    struct seller_result *result = work->result;

    if (!is_account(params->account)) {
        error_set(work->error, "an AWS account id has %d digits", ACCOUNT_DIGITS);
        return ERROR_BAD_REQUEST;
    }
    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    seller_adopt(work->change, params->account, params->reason);
    result->account = params->account;
    return ERROR_NONE;
}
