/* The forms of text that settings.def names, and what must hold of all settings together. */
#ifndef PROTO_SETTINGS_SETTINGS_CHECK_H
#define PROTO_SETTINGS_SETTINGS_CHECK_H

#include "common/config/config.h"

extern const struct config_form form_path;
/* A path that ends in .cert; the file need not be there. */
extern const struct config_form form_certificate;
extern const struct config_form form_email;
extern const struct config_form form_web_url;
/* https, or http to loopback: what we sign and are told must not travel in the clear. */
extern const struct config_form form_aws_url;
extern const struct config_form form_endpoint;
extern const struct config_form form_account;
extern const struct config_form form_role;
extern const struct config_form form_topic;
extern const struct config_form form_product_code;
extern const struct config_form form_share;
extern const struct config_form form_colour;
extern const struct config_form form_field;
extern const struct config_form form_network;

/* Of struct settings. */
int settings_check_all(const void *settings, struct error *error);

#endif
