/* How AWS is called, as the settings have it. */
#ifndef PROTO_SETTINGS_SETTINGS_AWS_H
#define PROTO_SETTINGS_SETTINGS_AWS_H

#include "common/aws/client/aws.h"
#include "proto/settings/settings.h"

/* The texts are the settings' own. */
struct aws_options settings_aws_options(const struct settings *settings);
/* A daemon's own role, if it has one, instead of that of [aws]. */
void settings_aws_role(struct aws_options *options, const char *role_arn);
/* As pollers read a queue: with their role, signed for its region, at its own address. Texts may
 * live in the arena. */
struct aws_options settings_aws_queue(const struct settings *settings,
                                      const struct settings_queue *queue, struct arena *arena);

#endif
