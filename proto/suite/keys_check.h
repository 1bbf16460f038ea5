/* For --check-config: what the start lets pass, that there is a product (store; a registrar does
 * not start without); and what only the start reads, the key files for each daemon's tcp://
 * endpoints: that they are there, can be read, and are what they should be. Without tcp:// no key
 * is looked at. The sentence is that of the start.
 */
#ifndef PROTO_SUITE_KEYS_CHECK_H
#define PROTO_SUITE_KEYS_CHECK_H

#include "proto/settings/settings.h"

/* `settings` is the suite's struct, as in struct daemon. */
int suite_check_store_keys(const void *settings, struct error *error);
int suite_check_checker_keys(const void *settings, struct error *error);
int suite_check_registrar_keys(const void *settings, struct error *error);
int suite_check_poller_keys(const void *settings, struct error *error);

#endif
