"""The sweep finds what notifications missed: customers nobody knew, changes, ends."""
import time

import pytest

from tests.support.suite import LEGACY, NEW, Suite

CUSTOMERS = 60  # three pages


@pytest.fixture
def suite():
    running = Suite()
    running.config.write_text(running.config.read_text().replace("sweep_interval = 0",
                                                                 "sweep_interval = 6h"))
    running.sandbox.fault(kind="lose", operation="Event", count=100000)
    try:
        yield running
    finally:
        running.close()


def swept(suite, product, *options):
    sweeps = suite.entitlectl_json("sweep", *options)["sweeps"]
    return next(sweep for sweep in sweeps if sweep["product"] == product)


def test_it_finds_what_notifications_missed(suite):
    deals = [suite.sandbox.buy(product=NEW, account=f"{200000000000 + number}",
                               dimensions={"seats": 10, "storage_tb": number + 1})
             for number in range(CUSTOMERS)]
    old = suite.sandbox.buy(product=LEGACY, account="300000000000", dimensions={"seats": 3})
    suite.start()
    # Nobody registered and nothing was announced: the first sweep is due at the first start.
    for deal in deals:
        suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    suite.eventually_answers(True, "entitled", old["customer_identifier"], "seats", 3)
    first = swept(suite, NEW, "--last")
    assert first["rows"] == 2 * CUSTOMERS and first["unknown"] == CUSTOMERS, first

    # What the first sweep marked is asked about by itself, which must not see the changes first.
    suite.eventually(suite.all_have_caught_up)
    # Times are whole seconds: what was verified in the one in which a sweep begins is none of its business.
    verified_at = max(suite.check(deal["license_arn"], "seats", 1)["verified_at"] for deal in deals)
    suite.eventually(lambda: time.time() >= verified_at + 1)
    suite.sandbox.change(agreement=deals[0]["agreement_id"], dimensions={"seats": 25})
    suite.sandbox.cancel(agreement=deals[1]["agreement_id"])
    second = swept(suite, NEW)
    assert (second["differing"], second["unknown"], second["unlisted"]) == (1, 0, 1), second
    assert second["verified"] == CUSTOMERS - 2
    suite.eventually_answers(True, "entitled", deals[0]["license_arn"], "seats", 25)
    suite.eventually_answers(False, "ended", deals[1]["license_arn"], "seats", 1)
    third = swept(suite, NEW)
    assert (third["differing"], third["unknown"], third["unlisted"]) == (0, 0, 0), third
    code, output, _ = suite.entitlectl("sweep", NEW, "--last")
    assert code == 0 and [row.split()[0] for row in output.splitlines()] == ["PRODUCT", "new"]
    assert suite.entitlectl("sweep", "unknown")[0] == 1


def test_a_page_that_aws_does_not_give_is_waited_for(suite):
    settings = suite.config.read_text()
    suite.config.write_text(settings + "[store]\nquota_per_second = 5\n")
    for number in range(CUSTOMERS):
        suite.sandbox.buy(product=NEW, account=f"{200000000000 + number}",
                          dimensions={"seats": 10, "storage_tb": number + 1})
    suite.start()
    suite.sandbox.wait_calls("GetEntitlements", 2)
    # More than the attempts of three calls.
    failing = 10
    suite.sandbox.fault(operation="GetEntitlements", kind="error500", count=failing)
    suite.eventually(lambda: swept(suite, NEW, "--last").get("rows") == 2 * CUSTOMERS)
    calls = [call for call in suite.sandbox.calls("GetEntitlements")
             if "Filter" not in call["parameters"] and call["parameters"]["ProductCode"] == NEW]
    assert sum(call["fault"] != "none" for call in calls) > 3, calls
    assert sum("NextToken" not in call["parameters"] for call in calls) == 1, "it began anew"


def test_a_sweep_that_fails_is_shown_and_tried_again(suite):
    suite.sandbox.buy(product=NEW, account="200000000000", dimensions={"seats": 10})
    suite.start()
    suite.eventually(lambda: swept(suite, NEW, "--last").get("swept_at"))
    suite.sandbox.fault(operation="GetEntitlements", kind="truncate", count=6)
    assert swept(suite, NEW)["unlisted"] == 0
    assert "did not give a whole answer" in suite["checker-1"].said() + suite["checker-2"].said()


def test_a_row_that_cannot_be_read_spoils_no_others(suite):
    deals = [suite.sandbox.buy(product=NEW, account=f"{200000000000 + number}", dimensions={"seats": 10})
             for number in range(CUSTOMERS)]
    suite.sandbox.fault(operation="GetEntitlements", kind="tamper", count=3)  # the pages of the first sweep
    suite.start()
    suite.eventually(lambda: swept(suite, NEW, "--last").get("swept_at"))
    first = swept(suite, NEW, "--last")
    assert (first["unknown"], first["unreadable"], first["rows"]) == (CUSTOMERS, 3, CUSTOMERS - 3), first
    # Those too whose row could not be read: their licence could, and AWS is asked about it.
    for deal in deals:
        suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    assert "cannot be read" in suite["checker-1"].said() + suite["checker-2"].said()
