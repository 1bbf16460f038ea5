/* For --check-config: the key files that each daemon's start reads for its tcp:// endpoints are
 * there, can be read, and are what they should be. Without tcp:// nothing is looked at. The
 * sentence is that of the start.
 */
#ifndef PROTO_SETTINGS_SETTINGS_KEYS_CHECK_H
#define PROTO_SETTINGS_SETTINGS_KEYS_CHECK_H

#include "proto/settings/settings.h"

/* `settings` is the suite's struct, as in struct daemon. */
int settings_check_store_keys(const void *settings, struct error *error);
int settings_check_checker_keys(const void *settings, struct error *error);
int settings_check_registrar_keys(const void *settings, struct error *error);
int settings_check_poller_keys(const void *settings, struct error *error);

#endif
