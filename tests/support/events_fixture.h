/* Announcements of SNS and EventBridge, told to the books. */
#ifndef TESTS_SUPPORT_EVENTS_FIXTURE_H
#define TESTS_SUPPORT_EVENTS_FIXTURE_H

#include "services/store/work/marks.h"
#include "tests/support/store_fixture.h"

#define NOW 1700000000

static inline struct notify_result sns(struct fixture *f, enum event_kind kind, int64_t at)
{
    return NOTIFY(f, .source = SOURCE_SNS, .kind = kind, .product_code = STR(PRODUCT),
                  .customer_identifier = STR("customer-1"), .event_time = at);
}

static inline struct subscription only_record(struct fixture *f)
{
    struct subscription_list all = fixture_all(f);

    assert_int_equal(all.count, 1);
    return all.items[0];
}

static inline enum due_class due_class_of(struct fixture *f, struct str id)
{
    struct stored_due due;

    marks_get(f->books.db, id, &f->arena, &due);
    return due.class;
}

#endif
