/* The journal's rows, each chained by hash to the one before, so that nothing can be altered, left
 * out or put in between without a break. What may be personal stands beside what is chained, under
 * a salted digest: it can be erased, and the chain stays provable.
 *
 *   words_digest = SHA-256(salt words)
 *   hash         = SHA-256(hash of the entry before, words_digest, sealed)
 *
 * Rows removed by age leave the hash of the last of them as the anchor that the first one follows.
 */
#ifndef SERVICES_STORE_TABLES_CHAIN_H
#define SERVICES_STORE_TABLES_CHAIN_H

#include "common/base/buf.h"
#include "services/store/disk/change.h"

enum { PLACE_SIZE = 12 };

/* Seq and index as eight and four bytes: the key of a row. */
struct str place_key(struct arena *arena, int64_t seq, int64_t index);
/* "SEQ.INDEX" */
struct str place_text(struct arena *arena, struct str place);
int place_parse(struct str text, struct arena *arena, struct str *ret_place, struct error *error);

/* Begins the chain of a new database. Within a transaction. */
void chain_begin(struct db *db);

/* The row of an entry that is the next of the chain; appends to out. */
void chain_seal(struct change *change, const struct journal_entry *entry, struct buf *out);
/* Texts borrow from the row. False, and logged: it cannot be read. */
bool chain_open(struct str row, struct arena *arena, struct journal_entry *ret);

/* The row without its words; STR_NONE if it has none. In the arena. */
struct str chain_without_words(struct str row, struct arena *arena);

/* Rows up to this one are removed. */
void chain_move_anchor(struct change *change, struct str place, struct str row);

/* The last entry and the chain's hash there; false: there is no chained entry yet. */
bool chain_head(struct db *db, struct arena *arena, struct str *ret_place,
                unsigned char ret_hash[CHAIN_HASH_SIZE]);

/* Proves a part of the chain, of a few milliseconds. -1 if a place cannot be read. */
int chain_verify(struct db *db, const struct journal_verify_params *params, struct arena *arena,
                 struct journal_verify_result *ret, struct error *error);

#endif
