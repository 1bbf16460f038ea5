/* A binary heap of what is to happen when. The node sits in the caller's struct. */
#ifndef COMMON_BASE_HEAP_H
#define COMMON_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    size_t place; /* in the heap, from 1; 0: in none */
};

struct heap {
    struct heap_node **nodes;
    size_t count, capacity;
};

void heap_done(struct heap *heap);
void heap_reserve(struct heap *heap); /* the next heap_put() allocates nothing */
void heap_put(struct heap *heap, struct heap_node *node, int64_t key); /* moves it if it is there */
void heap_remove(struct heap *heap, struct heap_node *node);           /* fine if it is not there */
struct heap_node *heap_top(const struct heap *heap);                   /* NULL if empty */

#endif
