/* Who may connect: a directory of public certificates (*.cert). What is put there or taken away
 * counts from the next question on. */
#ifndef COMMON_KEYS_ALLOW_LIST_H
#define COMMON_KEYS_ALLOW_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct allow_list;

/* Told of a file that is no certificate, each time the directory is read. */
typedef void allow_list_unreadable_fn(void *arg, const char *sentence);

/* An error if there is no such directory. */
int allow_list_open(struct allow_list **ret, const char *directory,
                    allow_list_unreadable_fn *unreadable, void *arg, struct error *error);
void allow_list_free(struct allow_list *list); /* takes NULL */
/* False also while the directory cannot be read. */
bool allow_list_has(struct allow_list *list, const char *public_key);
size_t allow_list_count(struct allow_list *list);

#endif
