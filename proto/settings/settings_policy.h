/* The rules' spans (proto/record) as the settings have them. */
#ifndef PROTO_SETTINGS_SETTINGS_POLICY_H
#define PROTO_SETTINGS_SETTINGS_POLICY_H

#include "proto/record/record.h"
#include "proto/settings/settings.h"

/* The rules count in seconds; what lies between is rounded up. */
struct policy settings_policy(const struct settings *settings);

#endif
