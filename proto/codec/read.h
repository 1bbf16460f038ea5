/* What a message is read with.
 *
 * Each reader of a value reads what stands at the input: 1, it is there; 0, it is nil, which is as
 * good as absent; -1, it is not what it must be, and the error says so.
 */
#ifndef PROTO_CODEC_READ_H
#define PROTO_CODEC_READ_H

#include <string.h>

#include "proto/codec/codec.h"
#include "proto/codec/token.h"

struct reader {
    struct input input; /* bytes that are one whole object, or part of one */
    struct arena *arena;
    struct error *error;
    bool strict; /* a required word must be known: parameters, but not what newer peers answer */
};

typedef int read_fn(struct reader *reader, void *value);

int read_not_whole(const struct reader *reader);
int read_missing(const struct reader *reader, const char *name);

int read_text(struct reader *reader, const char *name, size_t limit, struct str *ret);
int read_binary(struct reader *reader, const char *name, size_t limit, struct str *ret);
int read_boolean(struct reader *reader, const char *name, bool *ret);
int read_integer(struct reader *reader, const char *name, int64_t *ret);
int read_number(struct reader *reader, const char *name, double *ret);
int read_value(struct reader *reader, const char *name, struct value *ret);
int read_choice(struct reader *reader, const char *name, enum field_need need,
                const struct enumeration *enumeration, int *ret);
int read_texts(struct reader *reader, const char *name, size_t limit, struct str_list *ret);
int read_encoded(struct reader *reader, const char *name, size_t limit, struct str_list *ret);
/* Items of `size` bytes, each read by `read`. */
int read_items(struct reader *reader, const char *name, size_t limit, size_t size, read_fn *read,
               void **ret_items, size_t *ret_count);
int read_item(struct reader *reader, const char *name, size_t size, read_fn *read, void **ret);

/* The pairs of a map, one after the other. A field has a bit in `seen` once its key was met, and in
 * `present` if what stood there was not nil. */
struct pairs {
    struct str key; /* of the next one; none: there is no other, or it is not a text */
    uint32_t left;
    uint64_t seen, present;
};

_Static_assert(SHAPE_FIELDS_MAX <= 64, "a bit for each field");

int pairs_begin(struct reader *reader, struct pairs *ret_pairs);

/* For a name whose length the compiler knows: eight or four bytes at once, of which the last may
 * overlap those before. */
static inline __attribute__((always_inline)) bool is_name(const char *key, const char *name,
                                                          size_t len)
{
    size_t step = len >= 8 ? 8 : len >= 4 ? 4 : 1;
    uint64_t odd = 0;

#pragma GCC unroll 8
    for (size_t i = 0; i < len; i += step) {
        size_t at = i + step <= len ? i : len - step;
        uint64_t a = 0, b = 0;
        memcpy(&a, key + at, step);
        memcpy(&b, name + at, step);
        odd |= a ^ b;
    }
    return odd == 0;
}

/* Whether the next one is that of a field. Of several pairs with one key the first counts. */
static inline __attribute__((always_inline)) bool
pairs_has(const struct pairs *pairs, const char *name, size_t len, uint64_t bit)
{
    return pairs->key.len == len && is_name(pairs->key.ptr, name, len) && !(pairs->seen & bit);
}

/* It was read, with this result. */
int pairs_read(struct reader *reader, struct pairs *pairs, uint64_t bit, int result);
/* Nobody knows it. */
int pairs_pass(struct reader *reader, struct pairs *pairs);
/* Likewise among options, where it may be one of the call's. */
int pairs_pass_option(struct reader *reader, struct pairs *pairs, struct call_options *options);

/* The positional values of an array, one after the other. A map that stands last holds options,
 * unless it stands where a field is itself a map. */
struct places {
    uint32_t left;
    bool has_options;
    uint64_t present;
};

int places_begin(struct reader *reader, struct places *ret_places);
static inline bool places_has(const struct reader *reader, struct places *places,
                              bool is_map_expected)
{
    if (places->left > 1)
        return true;
    if (places->left == 1 && !is_map_expected && input_is_map(&reader->input))
        places->has_options = true;
    return places->left == 1 && !places->has_options;
}

static inline bool places_read(struct places *places, uint64_t bit, int result)
{
    places->left--;
    if (result > 0)
        places->present |= bit;
    return result >= 0;
}

/* Passes those that are not known. What is left then are options, if there are any. */
int places_pass(struct reader *reader, struct places *places);

#endif
