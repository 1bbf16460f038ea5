/* The parts of a replica: slabs, index, order. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "proto/replica/index.h"
#include "proto/replica/order.h"
#include "tests/support/random.h"

enum { BLOCKS = 2000, STEPS = 100000 };

struct held {
    uint32_t ref;
    size_t size;
    unsigned char mark;
};

static bool is_untouched(const struct slabs *slabs, const struct held *held)
{
    const unsigned char *block = slabs_block(slabs, held->ref);

    for (size_t i = 1; i < held->size; i++) {
        if (block[i] != held->mark)
            return false;
    }
    return true;
}

static size_t any_size(struct random *random)
{
    switch (random_between(random, 0, 9)) {
    case 0:
        return (size_t)random_between(random, 3000, 6000);
    case 1:
        return (size_t)random_between(random, 2, 3000);
    default:
        return (size_t)random_between(random, 2, 300);
    }
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    static struct held held[BLOCKS];
    static struct slabs slabs;
    struct random random = random_seeded("blocks_do_not_overlap");

    slabs_init(&slabs);
    memset(held, 0, sizeof(held));
    for (int step = 0; step < STEPS; step++) {
        struct held *one = &held[random_between(&random, 0, BLOCKS - 1)];
        if (one->ref != 0) {
            assert_true(is_untouched(&slabs, one));
            slabs_free(&slabs, one->ref);
        }
        one->size = any_size(&random);
        one->mark = (unsigned char)random_next(&random);
        one->ref = slabs_alloc(&slabs, one->size);
        assert_true(one->ref != 0 && one->ref >> SLAB_REF_BITS == 0);
        memset(slabs_block(&slabs, one->ref) + 1, one->mark, one->size - 1);
    }
    for (int i = 0; i < BLOCKS; i++)
        assert_true(held[i].ref == 0 || is_untouched(&slabs, &held[i]));
    slabs_done(&slabs);
}

static void memory_serves_other_sizes_again(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static struct slabs slabs;
    uint32_t *refs = mem_alloc_array(COUNT, sizeof(*refs));
    size_t most = 0;

    slabs_init(&slabs);
    for (size_t size = 100; size < 1000; size += 100) {
        size_t count = COUNT / (size / 100);
        for (size_t i = 0; i < count; i++)
            refs[i] = slabs_alloc(&slabs, size);
        if (most == 0)
            most = slabs_bytes(&slabs);
        for (size_t i = 0; i < count; i++)
            slabs_free(&slabs, refs[i]);
        assert_true(slabs_bytes(&slabs) <= most);
    }
    slabs_done(&slabs);
    mem_free(refs);
}

/* What an index should hold: pairs of a hash and a reference, counted. */
enum { HASHES = 30000, CROWDED = 20 };

struct index_fixture {
    struct epoch epoch;
    struct slabs slabs;
    struct index index;
};

static struct index_fixture *begin_index(void)
{
    struct index_fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    epoch_init(&fixture->epoch);
    slabs_init(&fixture->slabs);
    index_init(&fixture->index, &fixture->slabs, &fixture->epoch);
    return fixture;
}

static void end_index(struct index_fixture *fixture)
{
    epoch_done(&fixture->epoch);
    index_done(&fixture->index);
    slabs_done(&fixture->slabs);
    mem_free(fixture);
}

static uint32_t count_under(const struct index *index, uint32_t hash, uint32_t ref)
{
    struct index_cursor cursor = index_at(index, hash);
    uint32_t found, count = 0;

    while ((found = index_next(&cursor)) != 0)
        count += ref == 0 || found == ref;
    return count;
}

/* A few hashes are shared by many blocks, others by few; some lie close together. */
static uint32_t hash_of(uint32_t ref)
{
    if (ref % 16 == 0)
        return ref / 16 % CROWDED;
    if (ref % 16 == 1)
        return 0xffffffff - ref % 8;
    return (uint32_t)((ref / 2) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static void the_index_holds_what_was_added(void **state)
{
    (void)state;
    struct random random = random_seeded("the_index_holds_what_was_added");
    struct index_fixture *fixture = begin_index();
    uint8_t *times = mem_alloc_zero(HASHES + 1);
    uint32_t *crowd = mem_alloc_array(CROWDED, sizeof(*crowd));

    for (int step = 0; step < 20 * HASHES; step++) {
        uint32_t ref = (uint32_t)random_between(&random, 1, HASHES);
        bool growing = step / (5 * HASHES) % 2 == 0;
        uint32_t hash = hash_of(ref);

        if (random_chance(&random, growing ? 70 : 30) && times[ref] < 3) {
            index_add(&fixture->index, hash, ref);
            times[ref]++;
        } else if (times[ref] > 0) {
            index_remove(&fixture->index, hash, ref);
            times[ref]--;
        }
        if (step % 7 == 0)
            assert_int_equal(count_under(&fixture->index, hash, ref), times[ref]);
    }
    for (uint32_t ref = 1; ref <= HASHES; ref++) {
        assert_int_equal(count_under(&fixture->index, hash_of(ref), ref), times[ref]);
        if (hash_of(ref) < CROWDED)
            crowd[hash_of(ref)] += times[ref];
    }
    for (uint32_t hash = 0; hash < CROWDED; hash++)
        assert_int_equal(count_under(&fixture->index, hash, 0), crowd[hash]);
    end_index(fixture);
    mem_free(times);
    mem_free(crowd);
}

static void the_index_grows_and_forgets(void **state)
{
    (void)state;
    enum { MANY = 300000 };
    struct index_fixture *fixture = begin_index();

    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= MANY; i++)
            index_add(&fixture->index, i * 2654435761u, i);
        for (uint32_t i = 1; i <= MANY; i++) {
            index_replace(&fixture->index, i * 2654435761u, i, i + MANY);
            assert_int_equal(count_under(&fixture->index, i * 2654435761u, 0), 1);
        }
        for (uint32_t i = 1; i <= MANY; i++) {
            assert_int_equal(count_under(&fixture->index, i * 2654435761u, i + MANY), 1);
            index_remove(&fixture->index, i * 2654435761u, i + MANY);
            assert_int_equal(count_under(&fixture->index, i * 2654435761u, 0), 0);
        }
    }
    end_index(fixture);
}

/* Ids of numbers: a block holds one after its first byte. */
static uint32_t new_number(struct slabs *slabs, uint32_t number)
{
    uint32_t ref = slabs_alloc(slabs, 16);

    memcpy(slabs_block(slabs, ref) + 4, &number, sizeof(number));
    return ref;
}

static uint32_t number_of(const struct slabs *slabs, uint32_t ref)
{
    uint32_t number;

    memcpy(&number, slabs_block(slabs, ref) + 4, sizeof(number));
    return number;
}

static int compare_number(const unsigned char *block, struct str id)
{
    char text[16];
    uint32_t number;

    memcpy(&number, block + 4, sizeof(number));
    snprintf(text, sizeof(text), "%08u", number);
    return str_compare(str_of(text), id);
}

enum { NUMBERS = 5000 };

struct order_model {
    struct slabs slabs;
    struct order order;
    bool present[NUMBERS];
};

static void check_order(const struct order_model *model)
{
    char id[16] = "";
    size_t count = 0;

    for (uint32_t number = 0; number < NUMBERS; number++) {
        if (!model->present[number])
            continue;
        uint32_t ref = order_next(&model->order, str_of(id));
        assert_true(ref != 0);
        assert_int_equal(number_of(&model->slabs, ref), number);
        snprintf(id, sizeof(id), "%08u", number);
        assert_int_equal(order_find(&model->order, str_of(id)), ref);
        count++;
    }
    assert_int_equal(order_next(&model->order, str_of(id)), 0);
    assert_int_equal(model->order.count, count);
}

static void change_order(struct order_model *model, uint32_t number, bool present)
{
    char id[16];

    snprintf(id, sizeof(id), "%08u", number);
    if (present)
        order_set(&model->order, str_of(id), new_number(&model->slabs, number));
    else
        order_remove(&model->order, str_of(id));
    model->present[number] = present;
}

static void ids_stay_in_order(void **state)
{
    (void)state;
    struct random random = random_seeded("ids_stay_in_order");
    struct order_model *model = mem_alloc_zero(sizeof(*model));

    slabs_init(&model->slabs);
    order_init(&model->order, &model->slabs, compare_number);
    check_order(model);
    for (uint32_t number = 0; number < NUMBERS; number += 2)
        change_order(model, number, true);
    check_order(model);
    for (int step = 0; step < 20 * NUMBERS; step++) {
        int percent = step / (5 * NUMBERS) % 2 == 0 ? 70 : 20;
        change_order(model, (uint32_t)random_between(&random, 0, NUMBERS - 1),
                     random_chance(&random, percent));
        if (step % NUMBERS == 0)
            check_order(model);
    }
    for (uint32_t number = 0; number < NUMBERS; number++)
        change_order(model, number, false);
    check_order(model);
    order_done(&model->order);
    slabs_done(&model->slabs);
    mem_free(model);
}

/* One value that a writer replaces all the while; what is freed is marked first. */
struct replaced {
    struct epoch epoch;
    _Atomic(atomic_int *) value;
    atomic_bool stop;
    atomic_long seen, seen_freed;
};

static void free_value(void *owner, uint64_t value)
{
    (void)owner;
    atomic_store((atomic_int *)(uintptr_t)value, 0);
    mem_free((void *)(uintptr_t)value);
}

static atomic_int *new_value(void)
{
    atomic_int *value = mem_alloc(sizeof(*value));

    atomic_init(value, 1);
    return value;
}

static void *read_value(void *arg)
{
    struct replaced *replaced = arg;
    struct epoch_reader reader;

    epoch_add_reader(&replaced->epoch, &reader);
    while (!atomic_load(&replaced->stop)) {
        epoch_enter(&replaced->epoch, &reader);
        atomic_int *value = atomic_load_explicit(&replaced->value, memory_order_acquire);
        for (int i = 0; i < 10; i++)
            atomic_fetch_add(&replaced->seen_freed, atomic_load(value) == 0);
        epoch_leave(&reader);
        atomic_fetch_add(&replaced->seen, 1);
    }
    epoch_remove_reader(&replaced->epoch, &reader);
    return NULL;
}

static void replace_beside_a_reader(bool system_has_barrier)
{
    enum { REPLACEMENTS = 20000 };
    struct replaced replaced = {.value = new_value()};
    pthread_t thread;

    epoch_init(&replaced.epoch);
    if (!system_has_barrier)
        replaced.epoch.system_has_barrier = false;
    assert_int_equal(pthread_create(&thread, NULL, read_value, &replaced), 0);
    for (int i = 0; i < REPLACEMENTS || atomic_load(&replaced.seen) == 0; i++) {
        atomic_int *old = atomic_exchange(&replaced.value, new_value());
        epoch_retire(&replaced.epoch, free_value, NULL, (uintptr_t)old);
        epoch_reclaim(&replaced.epoch);
    }
    atomic_store(&replaced.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&replaced.seen_freed), 0);
    epoch_done(&replaced.epoch);
    mem_free(atomic_load(&replaced.value));
}

static void nothing_is_freed_under_a_reader(void **state)
{
    (void)state;
    replace_beside_a_reader(true);
    replace_beside_a_reader(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_freed_under_a_reader),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(memory_serves_other_sizes_again),
        cmocka_unit_test(the_index_holds_what_was_added),
        cmocka_unit_test(the_index_grows_and_forgets),
        cmocka_unit_test(ids_stay_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
