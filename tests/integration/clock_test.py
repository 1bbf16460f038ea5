"""The wall clock of every daemon moved while they run: a day without AWS, and clocks that were set wrong."""
import os
import time

import pytest

from tests.support.clock import DAY, Clock
from tests.support.conformance import Ask
from tests.support.process import BIN
from tests.support.suite import LEGACY, NEW, Suite

ASK = BIN.parent / "tests" / "unit" / "ask"
HOUR = 3600
YEAR = 365 * DAY
QUOTA = 5


def with_clock(settings, aws_too):
    suite = Suite(settings)
    suite.config.write_text(suite.config.read_text().replace("sweep_interval = 0", "sweep_interval = 6h"))
    suite.clock = Clock(suite.directory)
    suite.clock.rules(*suite.processes.values())
    if aws_too:
        suite.sandbox.stop()
        suite.clock.rules(suite.sandbox.process)
        port = suite.sandbox.address.rpartition(":")[2]
        suite.sandbox.process.arguments[suite.sandbox.process.arguments.index("--port") + 1] = port
        suite.sandbox.start()
    suite.start()
    return suite


@pytest.fixture
def suite():
    running = with_clock("", aws_too=False)
    try:
        yield running
    finally:
        running.close()


def buy(suite, seats, product=NEW, **more):
    number = len(suite.sandbox.world()["agreements"])
    deal = suite.sandbox.buy(product=product, account=f"{200000000000 + number}",
                             dimensions={"seats": seats}, **more)
    deal["handle"] = deal["license_arn"] if product == NEW else deal["customer_identifier"]
    return deal


def answers_of(suite, deal, quantity=1):
    return [suite.check(deal["handle"], "seats", quantity, checker=name) for name in suite.checkers]


def records(suite):
    return suite.store.call("snapshot")["subscriptions"]


def nothing_is_ahead(suite):
    """Every record was verified by a clock that is right, the last sweeps too."""
    latest = time.time() + 60
    sweeps = suite.entitlectl_json("sweep", "--last")["sweeps"]
    return all(record.get("verified_at", latest + 1) <= latest for record in records(suite)) and \
        all(sweep.get("swept_at", latest + 1) <= latest for sweep in sweeps)


def journal(suite):
    return suite.store.call("journal", limit=1000)["entries"]


def in_process(suite):
    """The client library's replica, in a process with the same clock."""
    return Ask(ASK, "in-process", "--directory", suite.run / "public",
               environment={**os.environ, **suite.clock.environment()})


def test_a_day_without_aws_and_everything_is_verified_again():
    suite = with_clock(f"[store]\nquota_per_second = {QUOTA}\n[entitled]\ngrace = 6h\n", aws_too=True)
    try:
        began = int(time.time())
        lasting = [buy(suite, 10 + number) for number in range(20)]
        renewing = buy(suite, 5, expires_at=began + 2 * HOUR)
        ending = buy(suite, 7, expires_at=began + 2 * HOUR)
        for deal in (*lasting, renewing, ending):
            suite.eventually_answers(True, "entitled", deal["handle"], "seats", 1)
        suite.eventually(suite.all_have_caught_up)
        for operation in ("GetEntitlements", "ReceiveMessage", "ResolveCustomer", "GetCallerIdentity"):
            suite.sandbox.fault(operation=operation, kind="error500", count=-1)
        # A call that AWS holds open would still bring news.
        suite.eventually(lambda: all(call["outcome"] for call in suite.sandbox.calls("ReceiveMessage")))
        suite.sandbox.renew(agreement=renewing["agreement_id"], term_days=365)
        verified = {record["id"]: record["verified_at"] for record in records(suite)}

        def expect(hours, dated, stale):
            suite.clock.ahead_by(round(hours * HOUR))
            for deal in lasting:
                for answer in answers_of(suite, deal):
                    assert answer["allow"] and answer["reason"] == "entitled", (hours, answer)
                    assert answer["verified_at"] == verified[answer["subscription"]], (hours, answer)
                    assert answer.get("stale", False) == stale, (hours, answer)
            for deal in (renewing, ending):
                assert {(answer["allow"], answer["reason"]) for answer in answers_of(suite, deal)} == {dated}, hours

        expect(1.9, (True, "entitled"), stale=False)
        expect(2.1, (True, "grace"), stale=False)
        expect(7.9, (True, "grace"), stale=False)
        expect(8.1, (False, "unverified"), stale=False)
        expect(11.9, (False, "unverified"), stale=False)
        expect(12.1, (False, "unverified"), stale=True)
        expect(24, (False, "unverified"), stale=True)
        # It was asked for all the time; nothing of it counts as an answer.
        suite.sandbox.wait_calls("GetEntitlements", suite.sandbox.counts()["GetEntitlements"] + 1)
        assert {record["id"]: record["verified_at"] for record in records(suite)} == verified

        outage_ended = suite.sandbox.log()["number"]
        suite.sandbox.faults_clear()
        later = began + 24 * HOUR
        suite.eventually(lambda: all(record.get("verified_at", 0) >= later for record in records(suite)))
        for deal in lasting:
            for answer in answers_of(suite, deal, 10):
                assert answer["reason"] == "entitled" and "stale" not in answer, answer
        suite.eventually_answers(True, "entitled", renewing["handle"], "seats", 5)
        suite.eventually(lambda: not any(answer["allow"] for answer in answers_of(suite, ending)))
        # Moments of arrival vary; the pace does not.
        times = [call["time_ms"] for call in suite.sandbox.calls("GetEntitlements", since=outage_ended)]
        assert len(times) > 2
        assert len(times) - 2 <= QUOTA * (times[-1] - times[0]) / 1000, times
    finally:
        suite.close()


def buy_and_register(suite):
    """A purchase that AWS announces, and its buyer at the registration page."""
    deal = buy(suite, 4, product=LEGACY)
    suite.sandbox.wait_queue_empty()
    assert not [message for message in suite.store.call("notifications", limit=100)["notifications"]
                if message.get("problem")]
    browser = suite.register(suite.sandbox.token(agreement=deal["agreement_id"])["token"])
    assert browser.status == 200
    return deal, browser


def test_a_clock_that_jumps_two_years_ahead_and_back_spoils_nothing(suite):
    soon = int(time.time()) + 30 * DAY
    dated, growing = buy(suite, 10, expires_at=soon), buy(suite, 10)
    leaving, old = buy(suite, 10), buy(suite, 3, product=LEGACY)
    all_deals = (dated, growing, leaving, old)
    for deal in all_deals:
        suite.eventually_answers(True, "entitled", deal["handle"], "seats", 3)
    suite.sandbox.wait_queue_empty()
    done = suite.entitlectl("override", "set", dated["handle"], "allow", "--dimension", "storage_tb", "--for", "30d",
                            "--reason", "trial")
    assert done[0] == 0, done
    suite.eventually_answers(True, "override", dated["handle"], "storage_tb", 1)
    first_entries = journal(suite)
    with in_process(suite) as ask:
        def asked():
            return ask({"handle": dated["handle"], "dimension": "seats"}).get("answer", {}).get("allow")

        suite.eventually(asked)

        suite.clock.ahead_by(2 * YEAR)
        # AWS repeats dates that seem long past, and that is stored.
        suite.eventually(lambda: all(record.get("verified_at", 0) > soon for record in records(suite)))
        for deal in all_deals:
            suite.eventually(lambda: not any(answer["allow"] for answer in answers_of(suite, deal)))
        assert asked() is False
        # What arrives meanwhile is believed, and waits for nothing that is two years away.
        late, browser = buy_and_register(suite)
        page = browser.url
        override(suite, growing, "deny")
        # The store starts by this clock, too: a journal of two years ago is not thrown away.
        suite["store"].stop()
        suite["store"].start()
        suite.eventually(suite.all_ready)
        suite.sandbox.fault(operation="GetEntitlements", kind="error500", count=-1)
        suite.store.call("mark", growing["handle"], "expiry")
        suite.eventually(lambda: suite.store.call("due", records_of(suite, growing)[0]["id"]).get("failures"))
        assert journal(suite)[-len(first_entries):] == first_entries

        suite.clock.ahead_by(0)
        suite.sandbox.faults_clear()
        for deal in (*all_deals, late):
            suite.eventually_answers(True, "entitled", deal["handle"], "seats", 3)
        suite.eventually_answers(True, "override", dated["handle"], "storage_tb", 1)
        suite.eventually(asked)
    suite.eventually(lambda: nothing_is_ahead(suite))
    # The operator's later word counts, though the earlier one is of two years ahead.
    suite.eventually_answers(False, "override", growing["handle"], "admins", 1)
    override(suite, growing, "allow")
    suite.eventually_answers(True, "override", growing["handle"], "admins", 1)
    # AWS is believed again: what it says now is newer than what was stamped two years ahead.
    suite.sandbox.change(agreement=growing["agreement_id"], dimensions={"seats": 25})
    suite.sandbox.cancel(agreement=leaving["agreement_id"])
    suite.eventually_answers(True, "entitled", growing["handle"], "seats", 25)
    suite.eventually_answers(False, "ended", leaving["handle"], "seats", 1)
    # A session of that time does not last for two years.
    browser.get(page.partition(suite.registrar_url)[2])
    assert browser.status == 403 and "Please come in again" in browser.body, browser.body


def override(suite, deal, action):
    suite.store.call("override_put", {"handle": deal["handle"], "dimension": "admins", "action": action,
                                      "author": "ops"})


def records_of(suite, deal):
    return suite.store.call("find", deal["handle"])["subscriptions"]


def test_a_clock_that_jumps_a_year_back_and_forward_spoils_nothing(suite):
    lasting, growing, leaving = buy(suite, 10), buy(suite, 10), buy(suite, 10)
    for deal in (lasting, growing, leaving):
        suite.eventually_answers(True, "entitled", deal["handle"], "seats", 10)
    suite.sandbox.cancel(agreement=leaving["agreement_id"])
    suite.eventually_answers(False, "ended", leaving["handle"], "seats", 1)

    suite.clock.ahead_by(-YEAR)
    then = time.time() - YEAR + 60
    suite.eventually(lambda: all(record["verified_at"] <= then for deal in (lasting, growing)
                                 for record in records_of(suite, deal)))
    for deal, allow in ((lasting, True), (growing, True), (leaving, False)):
        assert {answer["allow"] for answer in answers_of(suite, deal)} == {allow}
    suite.sandbox.change(agreement=growing["agreement_id"], dimensions={"seats": 25})
    suite.eventually_answers(True, "entitled", growing["handle"], "seats", 25)
    late = buy(suite, 4)
    suite.eventually_answers(True, "entitled", late["handle"], "seats", 4)

    suite.clock.ahead_by(0)
    suite.sandbox.change(agreement=growing["agreement_id"], dimensions={"seats": 30})
    suite.eventually_answers(True, "entitled", growing["handle"], "seats", 30)
    for deal, allow in ((lasting, True), (late, True), (leaving, False)):
        assert {answer["allow"] for answer in answers_of(suite, deal)} == {allow}
    suite.eventually(lambda: nothing_is_ahead(suite))


def test_one_checker_with_a_wrong_clock_misleads_nobody_else(suite):
    """Each host has a clock of its own: what this checker brings is stamped by the store's."""
    suite["checker-2"].stop()
    suite["checker-2"].environment = {}
    suite["checker-2"].start()
    suite["store"].stop()
    suite["store"].environment = {}
    suite["store"].start()
    suite.eventually(suite.all_ready)
    suite.clock.ahead_by(YEAR)
    for _ in range(50):  # either checker may take the work
        deal = buy(suite, 10)
        suite.eventually(lambda: suite.check(deal["handle"], "seats", 10, checker="2")["allow"])
        if "the clock of this machine is wrong" in suite["checker-1"].said():
            break
    suite.eventually(lambda: all(record.get("verified_at") for record in records(suite)))
    assert all(record["verified_at"] <= time.time() + 1 for record in records(suite))
    assert "the clock of this machine is wrong" in suite["checker-1"].said()
    assert "the clock of this machine is wrong" not in suite["checker-2"].said()
