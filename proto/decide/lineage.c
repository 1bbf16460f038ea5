/* Successions: a chain is followed to its end, and every record's place in one is found once, so
 * that an account with thousands of licences takes work in proportion. */
#include <string.h>

#include "proto/decide/internal.h"

enum { NOBODY = -1 };

/* A record that is known by a text of the table, and the next one that is. */
struct bearer {
    size_t fact;
    int64_t next;
    size_t last; /* of the first one: the last one */
};

static void add_bearer(struct lineage *lineage, struct str id, size_t fact, size_t *count)
{
    struct bearer *bearer = &lineage->bearers[*count];
    const struct numbering_entry *known = numbering_find(&lineage->ids, id);

    if (id.len == 0)
        return;
    *bearer = (struct bearer){.fact = fact, .next = NOBODY, .last = *count};
    if (known) {
        struct bearer *first = &lineage->bearers[known->number];
        lineage->bearers[first->last].next = (int64_t)*count;
        first->last = *count;
    } else {
        numbering_add(&lineage->ids, id, *count);
    }
    ++*count;
}

static void find_bearers(struct lineage *lineage)
{
    const struct decide_facts *facts = lineage->facts;
    size_t most = 0, count = 0;

    numbering_init(&lineage->ids, lineage->arena);
    for (size_t i = 0; i < facts->subscription_count; i++)
        most += 1 + facts->subscriptions[i]->aliases.count;
    lineage->bearers = arena_alloc_array(lineage->arena, most + 1, sizeof(struct bearer));
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *record = facts->subscriptions[i];
        add_bearer(lineage, record->id, i, &count);
        for (size_t j = 0; j < record->aliases.count; j++)
            add_bearer(lineage, record->aliases.items[j], i, &count);
    }
}

static int64_t first_bearer(const struct lineage *lineage, struct str id)
{
    const struct numbering_entry *found = numbering_find(&lineage->ids, id);

    return found ? (int64_t)found->number : NOBODY;
}

static bool is_few(const struct lineage *lineage)
{
    return lineage->facts->subscription_count <= LINEAGE_FEW;
}

static bool may_succeed(const struct subscription *other, const struct subscription *record)
{
    return other != record && str_eq(other->product_code, record->product_code);
}

static int64_t look_for_successor(const struct decide_facts *facts,
                                  const struct subscription *record)
{
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *other = facts->subscriptions[i];
        if (record_has_id(other, record->successor) && may_succeed(other, record))
            return (int64_t)i;
    }
    return NOBODY;
}

static int64_t find_successor(const struct lineage *lineage, const struct subscription *record)
{
    if (record->successor.len == 0)
        return NOBODY;
    if (is_few(lineage))
        return look_for_successor(lineage->facts, record);
    for (int64_t at = first_bearer(lineage, record->successor); at != NOBODY;
         at = lineage->bearers[at].next) {
        size_t fact = lineage->bearers[at].fact;
        if (may_succeed(lineage->facts->subscriptions[fact], record))
            return (int64_t)fact;
    }
    return NOBODY;
}

static struct heir *room_for_heirs(struct lineage *lineage)
{
    size_t count = lineage->facts->subscription_count;

    if (!is_few(lineage))
        return arena_alloc_array(lineage->arena, count, sizeof(struct heir));
    memset(lineage->few, 0, count * sizeof(struct heir));
    return lineage->few;
}

static void find_heirs(struct lineage *lineage)
{
    const struct decide_facts *facts = lineage->facts;

    if (lineage->heirs)
        return;
    if (!is_few(lineage))
        find_bearers(lineage);
    lineage->heirs = room_for_heirs(lineage);
    for (size_t i = 0; i < facts->subscription_count; i++)
        lineage->heirs[i].successor = find_successor(lineage, facts->subscriptions[i]);
}

static int64_t look_for_fact(const struct decide_facts *facts, const struct subscription *record)
{
    size_t i = 0;

    while (i < facts->subscription_count && facts->subscriptions[i] != record)
        i++;
    return i < facts->subscription_count ? (int64_t)i : NOBODY;
}

static int64_t fact_of(const struct lineage *lineage, const struct subscription *record)
{
    if (is_few(lineage))
        return look_for_fact(lineage->facts, record);
    int64_t at = first_bearer(lineage, record->id);
    while (at != NOBODY && lineage->facts->subscriptions[lineage->bearers[at].fact] != record)
        at = lineage->bearers[at].next;
    return at != NOBODY ? (int64_t)lineage->bearers[at].fact : NOBODY;
}

const struct subscription *lineage_successor(struct lineage *lineage,
                                             const struct subscription *record)
{
    if (record->successor.len == 0)
        return NULL;
    find_heirs(lineage);
    int64_t successor = find_successor(lineage, record);
    return successor != NOBODY ? lineage->facts->subscriptions[successor] : NULL;
}

static struct fate fate_of(const struct lineage *lineage, size_t fact)
{
    const struct subscription *record = lineage->facts->subscriptions[fact];
    enum state state = record_state(record, lineage->policy, lineage->now_s, false);

    return (struct fate){
        .active = state == STATE_ACTIVE || state == STATE_HELD,
        .over = state == STATE_ENDED && record->entitlements.count > 0,
    };
}

static struct fate both(struct fate a, struct fate b)
{
    return (struct fate){a.active || b.active, a.over || b.over};
}

/* Records that succeed each other in a circle are succeeded by none, so that no mistake of ours
 * ends them all. A record that leads into the circle is succeeded by all in it. */
static void settle_circle(struct lineage *lineage, size_t entry)
{
    struct fate all = {false, false};
    size_t fact = entry;

    do {
        all = both(all, fate_of(lineage, fact));
        fact = (size_t)lineage->heirs[fact].successor;
    } while (fact != entry);
    do {
        struct heir *heir = &lineage->heirs[fact];
        heir->settled = true;
        heir->from = all;
        fact = (size_t)heir->successor;
    } while (fact != entry);
}

/* Walks to what is settled, then settles the way there from its end. */
static void settle(struct lineage *lineage, size_t start)
{
    struct heir *heirs = lineage->heirs;
    size_t few[LINEAGE_FEW], *way = few, length = 0, room = LINEAGE_FEW;
    int64_t walk = (int64_t)start + 1, at = (int64_t)start;

    for (; at != NOBODY && !heirs[at].settled && heirs[at].walk != walk; at = heirs[at].successor) {
        heirs[at].walk = walk;
        if (length == room) {
            size_t *wider = arena_alloc_array(lineage->arena, room *= 2, sizeof(way[0]));
            way = memcpy(wider, way, length * sizeof(way[0]));
        }
        way[length++] = (size_t)at;
    }
    if (at != NOBODY && !heirs[at].settled)
        settle_circle(lineage, (size_t)at);
    while (length > 0) {
        struct heir *heir = &heirs[way[--length]];
        if (heir->settled)
            continue;
        if (heir->successor != NOBODY)
            heir->after = heirs[heir->successor].from;
        heir->from = both(heir->after, fate_of(lineage, way[length]));
        heir->settled = true;
    }
}

static struct fate fate_after(struct lineage *lineage, size_t fact)
{
    const struct heir *heir = &lineage->heirs[fact];

    if (heir->successor == NOBODY)
        return (struct fate){false, false};
    settle(lineage, (size_t)heir->successor);
    /* Settled itself: that was a circle, or it was met before. */
    return heir->settled ? heir->after : lineage->heirs[heir->successor].from;
}

enum state lineage_state(struct lineage *lineage, const struct subscription *record)
{
    struct fate after = {false, false};

    if (record->successor.len > 0) {
        find_heirs(lineage);
        int64_t fact = fact_of(lineage, record);
        if (fact != NOBODY)
            after = fate_after(lineage, (size_t)fact);
    }
    if (after.over) {
        /* The successor came and has ended: it is not awaited any more, and the record stands by
         * what AWS says of itself. */
        struct policy no_wait = *lineage->policy;
        no_wait.successor_wait_s = 0;
        return record_state(record, &no_wait, lineage->now_s, after.active);
    }
    return record_state(record, lineage->policy, lineage->now_s, after.active);
}
