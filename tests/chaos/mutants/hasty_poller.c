/* A poller that deletes a message before the store has recorded it. Linked into the poller's own
 * objects by the linker's --wrap, to prove that the campaign sees it. */
#include "services/poller/delivery.h"

#include "common/base/clock.h"

struct deliveries *__real_deliveries_new(const struct deliveries_options *options);
void __real_deliveries_start(struct deliveries *deliveries, const struct received *message,
                             delivered_fn *done, void *arg);
struct deliveries *__wrap_deliveries_new(const struct deliveries_options *options);
void __wrap_deliveries_start(struct deliveries *deliveries, const struct received *message,
                             delivered_fn *done, void *arg);

static struct deliveries_options remembered;

struct deliveries *__wrap_deliveries_new(const struct deliveries_options *options)
{
    remembered = *options;
    return __real_deliveries_new(options);
}

void __wrap_deliveries_start(struct deliveries *deliveries, const struct received *message,
                             delivered_fn *done, void *arg)
{
    batch_add(remembered.deletes, message->receipt_handle, 0,
              clock_mono_ms() + remembered.visibility_ms);
    __real_deliveries_start(deliveries, message, done, arg);
}
