#include "common/base/heap.h"

#include "common/base/mem.h"

void heap_done(struct heap *heap)
{
    mem_free(heap->nodes);
    *heap = (struct heap){0};
}

static void set(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static struct heap_node *at(const struct heap *heap, size_t place)
{
    return heap->nodes[place - 1];
}

static void rise(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    while (place > 1 && at(heap, place / 2)->key > node->key) {
        set(heap, place, at(heap, place / 2));
        place /= 2;
    }
    set(heap, place, node);
}

static void sink(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    for (;;) {
        size_t child = 2 * place;
        if (child > heap->count)
            break;
        if (child < heap->count && at(heap, child + 1)->key < at(heap, child)->key)
            child++;
        if (at(heap, child)->key >= node->key)
            break;
        set(heap, place, at(heap, child));
        place = child;
    }
    set(heap, place, node);
}

void heap_reserve(struct heap *heap)
{
    enum { CAPACITY_MIN = 16 };

    if (heap->count < heap->capacity)
        return;
    size_t capacity = heap->capacity ? 2 * heap->capacity : CAPACITY_MIN;
    heap->nodes = mem_realloc(heap->nodes, capacity * sizeof(*heap->nodes));
    heap->capacity = capacity;
}

void heap_put(struct heap *heap, struct heap_node *node, int64_t key)
{
    if (node->place == 0) {
        heap_reserve(heap);
        heap->count++;
        set(heap, heap->count, node);
    }
    node->key = key;
    rise(heap, node);
    sink(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->place == 0)
        return;
    struct heap_node *last = at(heap, heap->count);
    size_t place = node->place;

    heap->count--;
    node->place = 0;
    if (last == node)
        return;
    set(heap, place, last);
    rise(heap, last);
    sink(heap, last);
}

struct heap_node *heap_top(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}
