/* BatchMeterUsage, for contracts with consumption (AWS Marketplace Metering Service API reference).
 */
#ifndef SERVICES_SANDBOX_USAGE_H
#define SERVICES_SANDBOX_USAGE_H

#include "services/sandbox/call.h"

operation_fn batch_meter_usage;

#endif
