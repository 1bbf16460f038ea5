/* A replica, and what is put into it and found. */
#ifndef TESTS_SUPPORT_REPLICA_FIXTURE_H
#define TESTS_SUPPORT_REPLICA_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "proto/replica/replica.h"

/* A replica with one reader inside a section, and an arena for what it finds. */
struct fixture {
    struct replica *replica;
    struct replica_reader *reader;
    struct arena arena;
};

static inline struct fixture begin(void)
{
    struct fixture fixture = {.replica = replica_new()};

    fixture.reader = replica_reader_new(fixture.replica);
    replica_read_begin(fixture.reader);
    return fixture;
}

static inline void end(struct fixture *fixture)
{
    replica_read_end(fixture->reader);
    replica_reader_free(fixture->reader);
    replica_free(fixture->replica);
    arena_done(&fixture->arena);
}

static inline struct decide_facts find(struct fixture *fixture, const char *handle)
{
    struct decide_facts facts;

    replica_find(fixture->reader, str_of(handle), &fixture->arena, &facts);
    return facts;
}

static inline bool leads_to(const struct decide_facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->subscription_count; i++) {
        if (str_eq_text(facts->subscriptions[i]->id, id))
            return true;
    }
    return false;
}

static inline struct str number_text(char text[32], const char *prefix, int number)
{
    snprintf(text, 32, "%s%03d", prefix, number);
    return str_of(text);
}

#endif
