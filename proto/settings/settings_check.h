/* What a text must be beyond its type; the checks that settings.def names. */
#ifndef PROTO_SETTINGS_SETTINGS_CHECK_H
#define PROTO_SETTINGS_SETTINGS_CHECK_H

#include "common/base/error.h"
#include "common/base/str.h"

int settings_check_path(struct str value, struct error *error);
int settings_check_email(struct str value, struct error *error);
int settings_check_web_url(struct str value, struct error *error);
/* https, or http to loopback: what we sign and are told must not travel in the clear. */
int settings_check_aws_url(struct str value, struct error *error);
int settings_check_endpoint(struct str value, struct error *error);
int settings_check_account(struct str value, struct error *error);
int settings_check_product_code(struct str value, struct error *error);
int settings_check_share(struct str value, struct error *error);
int settings_check_colour(struct str value, struct error *error);
int settings_check_form_field(struct str value, struct error *error);

/* What settings are wrong only together: struct settings. */
int settings_check_all(const void *settings, struct error *error);

#endif
