/* Records of every kind, made at random. */
#ifndef TESTS_SUPPORT_PACKED_FIXTURE_H
#define TESTS_SUPPORT_PACKED_FIXTURE_H

#include <string.h>

#include "tests/support/random.h"

static inline struct str characters(struct random *random, struct arena *arena, const char *prefix,
                                    const char *from, size_t len)
{
    struct str text = arena_printf(arena, "%s%*s", prefix, (int)len, "");
    char *place = (char *)text.ptr + strlen(prefix);

    for (size_t i = 0; i < len; i++)
        place[i] = from[random_next(random) % strlen(from)];
    return text;
}

/* Texts of all forms, and such as nearly have one. */
static inline struct str any_text(struct random *random, struct arena *arena)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = (size_t)random_between(random, 0, 40);

    switch (random_between(random, 0, 11)) {
    case 0:
        return STR_NONE;
    case 1:
        return characters(random, arena, "l-", hex, 32);
    case 2:
        return characters(random, arena, "s-", hex, 16);
    case 3:
        return characters(random, arena, "", "0123456789", 12);
    case 4:
        return arena_printf(arena, "%08x-%04x-%04x-%04x-%012llx", (unsigned)random_next(random),
                            (unsigned)random_between(random, 0, 0xffff), 0x4000, 0x8000,
                            (unsigned long long)random_next(random) >> 16);
    case 5:
        return characters(random, arena, "agmt-", "abcdefghijklmnopqrstuvwxyz0123456789_Z", len);
    case 6:
        return characters(random, arena, "l-", "0123456789abcdefG", 32);
    case 7:
        return characters(random, arena, "s-", "0123456789abcdefA", 16);
    case 8:
        return characters(random, arena, "", "0123456789x", 12);
    case 9:
        return characters(random, arena, "", "0123456789abcdef-", 36);
    case 10:
        return characters(random, arena, "", "ab \xc3\xa9", (size_t)random_between(random, 0, 400));
    default:
        return characters(random, arena, "", "abAB09-_.:", len);
    }
}

static inline int64_t any_integer(struct random *random)
{
    switch (random_between(random, 0, 7)) {
    case 0:
        return 0;
    case 5:
        return random_between(random, 1, 2) * INT16_MAX + random_between(random, -2, 2);
    case 6:
        return -(int64_t)random_between(random, 1, 2) * INT8_MAX + random_between(random, -2, 2);
    case 7:
        return random_chance(random, 50) ? INT32_MIN - random_between(random, -1, 1)
                                         : INT32_MAX + random_between(random, -1, 1);
    case 1:
        return INT64_MIN + random_between(random, 0, 2);
    case 2:
        return INT64_MAX - random_between(random, 0, 2);
    case 3:
        return UINT32_MAX + random_between(random, -2, 2);
    case 4:
        return random_between(random, -300, 300);
    default:
        return random_between(random, 1600000000, 2000000000);
    }
}

static inline struct value any_value(struct random *random, struct arena *arena)
{
    switch (random_between(random, 0, 4)) {
    case 0:
        return (struct value){.kind = VALUE_INTEGER, .integer = any_integer(random)};
    case 1:
        return (struct value){.kind = VALUE_DOUBLE,
                              .number = (double)random_between(random, -100, 100) / 7};
    case 2:
        return (struct value){.kind = VALUE_BOOLEAN, .boolean = random_chance(random, 50)};
    case 3:
        return (struct value){.kind = VALUE_STRING, .string = any_text(random, arena)};
    default:
        return (struct value){.kind = VALUE_NONE};
    }
}

/* As the entitlements of one agreement do. */
static inline void let_some_end_together(struct random *random, struct entitlement_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (random_chance(random, 50))
            list->items[i].expires_at = list->items[i - 1].expires_at;
    }
}

#endif
