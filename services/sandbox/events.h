/* The notifications' texts: EventBridge events of aws.agreement-marketplace and the messages of the
 * two SNS topics ("Managing Amazon EventBridge notifications" and "Amazon SNS notifications for
 * SaaS products", AWS Marketplace seller guide). Pure: nothing is sent here (notices.h does that).
 */
#ifndef SERVICES_SANDBOX_EVENTS_H
#define SERVICES_SANDBOX_EVENTS_H

#include "common/json/json.h"
#include "services/sandbox/world.h"

/* Each returns an event; the caller frees it. */
struct json *event_agreement_created(const struct world *world, const struct agreement *agreement,
                                     bool with_previous);
struct json *event_agreement_amended(const struct world *world, const struct agreement *agreement);
struct json *event_agreement_ended(const struct world *world, const struct agreement *agreement);
struct json *event_license(const struct world *world, const struct agreement *agreement,
                           bool updated);

/* The inner message of an SNS notification. */
struct json *message_entitlement_updated(const struct agreement *agreement);
struct json *message_subscription(const struct agreement *agreement, const char *action);

#endif
