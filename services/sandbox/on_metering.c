/* The metering service: ResolveCustomer (AWS Marketplace Metering Service API reference). */
#include "common/base/clock.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/usage.h"

static bool answer_customer(struct call *call, const struct agreement *agreement)
{
    const struct product *product = agreement->product;
    struct json *body = json_new_object();

    json_set_str(body, "CustomerAWSAccountId", agreement->account);
    if (product_is_legacy(product))
        json_set_str(body, "CustomerIdentifier", agreement->customer_identifier);
    else if (product->empty_identifier)
        json_set_str(body, "CustomerIdentifier", STR(""));
    if (product_shows_license(product))
        json_set_str(body, "LicenseArn", agreement->license_arn);
    json_set_str(body, "ProductCode", product->code);
    return answer_ok(&call->answer, body);
}

static bool resolve_customer(struct call *call)
{
    const struct world *world = &call->sandbox->world;
    struct str text = json_get_str(call->request, "RegistrationToken");
    const struct token *token = str_is_empty(text) ? NULL : world_token(world, text);

    if (json_kind(json_get(call->request, "RegistrationToken")) <= JSON_KIND_NULL)
        return answer_error(&call->answer, "ValidationException",
                            "RegistrationToken must not be null.");
    /* A token belongs to the seller of the product; others learn nothing from it. */
    if (!token || !str_eq(token->agreement->product->seller, call->caller.account))
        return answer_error(&call->answer, "InvalidTokenException",
                            "Registration token is invalid");
    if (token->issued_at + world->token_lifetime_s <= clock_wall_s())
        return answer_error(&call->answer, "ExpiredTokenException",
                            "The submitted registration token has expired");
    return answer_customer(call, token->agreement);
}

const struct operation metering_operations[] = {
    {SERVICE_METERING, "ResolveCustomer", resolve_customer, false},
    {SERVICE_METERING, "BatchMeterUsage", batch_meter_usage, false},
    {0},
};
