/* What is good once or for a while: registration tokens, by their digests, and the nonces of the
 * registration page's links. */
#ifndef SERVICES_STORE_TABLES_TOKENS_H
#define SERVICES_STORE_TABLES_TOKENS_H

#include "services/store/disk/change.h"

/* Whose token it is. An empty digest stands for no token: nothing is written. */
void tokens_put(struct change *change, struct str digest, struct str id);
/* The id, in the arena; empty: the token is not known, or too old. */
struct str tokens_find(struct db *db, struct str digest, int64_t now_s, struct arena *arena);
/* False: it was used before. */
bool tokens_use_nonce(struct change *change, struct str nonce, struct str id, int64_t expires_at_s);
/* Forgets what is past its time by now_s; at most `limit`. */
size_t tokens_prune(struct change *change, int64_t now_s, size_t limit);

#endif
