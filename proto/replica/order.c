#include "proto/replica/order.h"

#include <string.h>

#include "common/base/mem.h"

struct order_leaf {
    uint32_t count;
    uint32_t refs[ORDER_LEAF];
};

/* Where an id is, or would be. */
struct place {
    size_t leaf, at;
    bool found;
};

void order_init(struct order *order, const struct slabs *slabs,
                int (*compare)(const unsigned char *block, struct str id))
{
    *order = (struct order){.slabs = slabs, .compare = compare};
}

void order_done(struct order *order)
{
    for (size_t i = 0; i < order->leaf_count; i++)
        mem_free(order->leaves[i]);
    mem_free(order->leaves);
}

static int compare_ref(const struct order *order, uint32_t ref, struct str id)
{
    return order->compare(slabs_block(order->slabs, ref), id);
}

/* The last leaf that does not begin behind the id, or the first of all. */
static size_t find_leaf(const struct order *order, struct str id)
{
    size_t low = 0, high = order->leaf_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (compare_ref(order, order->leaves[middle]->refs[0], id) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct place find_place(const struct order *order, struct str id)
{
    struct place place = {.leaf = find_leaf(order, id)};
    const struct order_leaf *leaf = order->leaf_count > 0 ? order->leaves[place.leaf] : NULL;
    size_t high = leaf ? leaf->count : 0;

    while (place.at < high) {
        size_t middle = place.at + (high - place.at) / 2;
        int compared = compare_ref(order, leaf->refs[middle], id);
        if (compared == 0)
            return (struct place){place.leaf, middle, true};
        if (compared < 0)
            place.at = middle + 1;
        else
            high = middle;
    }
    return place;
}

/* Snapshots come in the order of ids: whether it stands behind all others. */
static bool is_behind_all(const struct order *order, struct str id)
{
    const struct order_leaf *last =
        order->leaf_count > 0 ? order->leaves[order->leaf_count - 1] : NULL;

    return last && compare_ref(order, last->refs[last->count - 1], id) < 0;
}

static struct place place_behind_all(const struct order *order)
{
    return (struct place){.leaf = order->leaf_count - 1,
                          .at = order->leaves[order->leaf_count - 1]->count};
}

static uint32_t ref_at(const struct order *order, struct place place)
{
    if (place.leaf < order->leaf_count && place.at == order->leaves[place.leaf]->count)
        place = (struct place){.leaf = place.leaf + 1};
    return place.leaf < order->leaf_count ? order->leaves[place.leaf]->refs[place.at] : 0;
}

uint32_t order_find(const struct order *order, struct str id)
{
    struct place place = find_place(order, id);

    return place.found ? ref_at(order, place) : 0;
}

uint32_t order_next(const struct order *order, struct str id)
{
    struct place place = find_place(order, id);

    place.at += place.found;
    return ref_at(order, place);
}

static struct order_leaf *insert_leaf(struct order *order, size_t at)
{
    struct order_leaf *leaf = mem_alloc(sizeof(*leaf));

    if (order->leaf_count == order->leaf_room) {
        order->leaf_room = order->leaf_room > 0 ? order->leaf_room * 2 : 8;
        order->leaves = mem_realloc(order->leaves, order->leaf_room * sizeof(struct order_leaf *));
    }
    memmove(&order->leaves[at + 1], &order->leaves[at],
            (order->leaf_count - at) * sizeof(struct order_leaf *));
    order->leaves[at] = leaf;
    order->leaf_count++;
    leaf->count = 0;
    return leaf;
}

/* Halves a full leaf; at the very end an empty one follows instead. */
static struct place split(struct order *order, struct place place)
{
    struct order_leaf *leaf = order->leaves[place.leaf];
    struct order_leaf *right = insert_leaf(order, place.leaf + 1);
    bool at_the_end = place.leaf + 2 == order->leaf_count && place.at == ORDER_LEAF;
    uint32_t stay = at_the_end ? ORDER_LEAF : ORDER_LEAF / 2;

    right->count = ORDER_LEAF - stay;
    memcpy(right->refs, &leaf->refs[stay], right->count * sizeof(leaf->refs[0]));
    leaf->count = stay;
    if (place.at > stay || at_the_end)
        place = (struct place){.leaf = place.leaf + 1, .at = place.at - stay};
    return place;
}

void order_set(struct order *order, struct str id, uint32_t ref)
{
    struct place place = is_behind_all(order, id) ? place_behind_all(order) : find_place(order, id);

    if (order->leaf_count == 0)
        insert_leaf(order, 0);
    if (place.found) {
        order->leaves[place.leaf]->refs[place.at] = ref;
        return;
    }
    if (order->leaves[place.leaf]->count == ORDER_LEAF)
        place = split(order, place);
    struct order_leaf *leaf = order->leaves[place.leaf];
    memmove(&leaf->refs[place.at + 1], &leaf->refs[place.at],
            (leaf->count - place.at) * sizeof(leaf->refs[0]));
    leaf->refs[place.at] = ref;
    leaf->count++;
    order->count++;
}

static void remove_leaf(struct order *order, size_t at)
{
    mem_free(order->leaves[at]);
    order->leaf_count--;
    memmove(&order->leaves[at], &order->leaves[at + 1],
            (order->leaf_count - at) * sizeof(struct order_leaf *));
}

void order_remove(struct order *order, struct str id)
{
    struct place place = find_place(order, id);

    if (!place.found)
        return;
    struct order_leaf *leaf = order->leaves[place.leaf];
    leaf->count--;
    memmove(&leaf->refs[place.at], &leaf->refs[place.at + 1],
            (leaf->count - place.at) * sizeof(leaf->refs[0]));
    order->count--;
    if (leaf->count == 0)
        remove_leaf(order, place.leaf);
}
