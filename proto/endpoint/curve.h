/* From certificates in files to what the context needs for its tcp:// endpoints. While all
 * addresses are ipc nothing is read, and nothing needs to be there. */
#ifndef PROTO_ENDPOINT_CURVE_H
#define PROTO_ENDPOINT_CURVE_H

#include "proto/endpoint/admission.h"

/* A new pair. An error if libzmq was built without CURVE. */
int curve_new_keys(struct curve_keys *ret, struct error *error);

/* Before binding: the process's own certificate (the path of its public half) and whom it lets in.
 * For each list of addresses; the admission is opened by the first that has a tcp:// in it. */
int curve_before_bind(struct admission **admission, const struct config_list *addresses,
                      const char *certificate, const struct admission_options *options,
                      struct error *error);

/* Before connecting: own certificate, and the public ones of the processes that answer; one for
 * all tcp:// addresses, or one for each in their order. */
int curve_before_connect(struct endpoint_context *context, const struct config_list *addresses,
                         const char *certificate, const struct config_list *servers,
                         struct error *error);

/* The same without anything to bind or connect: whether the files are there and good. */
int curve_check_bind(const struct config_list *addresses, const char *certificate,
                     const char *allowed_keys, struct error *error);
int curve_check_connect(const struct config_list *addresses, const char *certificate,
                        const struct config_list *servers, struct error *error);

#endif
