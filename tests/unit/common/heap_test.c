/* The heap of what is to happen when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/heap.h"
#include "tests/support/random.h"

static void the_earliest_comes_first(void **state)
{
    enum { COUNT = 600, KEYS = 100 };
    struct random random = random_seeded("the_earliest_comes_first");
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    int64_t last = -1;
    int left = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        heap_put(&heap, &nodes[i], random_between(&random, 0, KEYS));
    for (int i = 0; i < COUNT; i += 3)
        heap_put(&heap, &nodes[i], random_between(&random, 0, KEYS));
    for (int i = 1; i < COUNT; i += 3) {
        heap_remove(&heap, &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
    for (struct heap_node *top; (top = heap_top(&heap)); left++) {
        assert_true(top->key >= last);
        last = top->key;
        heap_remove(&heap, top);
    }
    assert_int_equal(left, COUNT - COUNT / 3);
    heap_done(&heap);
}

static void room_that_is_reserved_is_not_reserved_again(void **state)
{
    struct heap heap = {0};
    struct heap_node node = {0};

    (void)state;
    heap_reserve(&heap);
    struct heap_node **room = heap.nodes;
    assert_non_null(room);
    heap_reserve(&heap);
    heap_put(&heap, &node, 1);
    assert_ptr_equal(heap.nodes, room);
    assert_ptr_equal(heap_top(&heap), &node);
    heap_done(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(room_that_is_reserved_is_not_reserved_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
