/* What ResolveCustomer answers, read with care (AWS Marketplace Metering Service API reference). */
#ifndef SERVICES_REGISTRAR_RESOLVED_H
#define SERVICES_REGISTRAR_RESOLVED_H

#include "common/aws/client/aws.h"
#include "services/registrar/pages.h"

struct resolved {
    struct str product_code;
    struct str account_id; /* a text: leading zeros matter */
    struct str customer_identifier;
    struct str license_arn;
};

/* Any mixture of the identifiers may come, absent, null or empty; there must be the product code
 * and one of them. Texts live in the arena. */
int resolved_read(const struct json *body, struct arena *arena, struct resolved *ret,
                  struct error *error);

/* The page for a call that failed: whose fault it is decides what the buyer is told. */
enum page resolved_failure_page(const struct aws_response *response);

#endif
