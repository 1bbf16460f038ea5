"""The main job, end to end with real processes: each test is a step of a customer's story, for a new
listing (licence ARN, EventBridge) and a legacy one (customer identifier, SNS)."""
import time

import pytest

from tests.support.suite import BUYER, LEGACY, NEW, Suite

YEAR_S = 365 * 24 * 3600


@pytest.fixture(params=[NEW, LEGACY], ids=["new", "legacy"])
def product(request):
    return request.param


def buy(suite, product, seats=10, account=BUYER, **more):
    return suite.sandbox.buy(product=product, account=account, dimensions={"seats": seats}, **more)


def own_handle(product, deal):
    """The handle that only this purchase has."""
    return deal["license_arn"] if product == NEW else deal["customer_identifier"]


def registered(suite, product, seats=10, **more):
    """Buys and registers; every checker knows it."""
    deal = buy(suite, product, seats, **more)
    page = suite.register(deal["token"])
    assert page.status == 200, page.body
    suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", seats)
    return deal


def record(suite, handle):
    subscriptions = suite.store.call("find", handle)["subscriptions"]
    assert len(subscriptions) == 1, subscriptions
    return subscriptions[0]


def journal_of(suite, subscription_id):
    return suite.store.call("journal", "", 100, subscription=subscription_id)["entries"]


# 1 and 2: register, ask.

def test_an_agreement_without_an_end_is_served(suite, product):
    deal = registered(suite, product, no_end=True)
    answer = suite.check(own_handle(product, deal), "seats", 10)
    assert answer["allow"] and answer["expires_at"] == deal["expires_at"] == 253370764800

def test_a_buyer_registers_and_the_application_asks(suite, product):
    deal = buy(suite, product)
    page = suite.register(deal["token"])
    assert page.status == 200
    assert "seats" in page.body and "10" in page.body
    assert "x-amzn-marketplace-token" not in page.url and deal["token"] not in page.url

    thanks = page.submit(email="buyer@customer.example", company="Ünïted <Customers> & Co")
    assert thanks.status == 200
    kept = record(suite, own_handle(product, deal))
    contact = {field["name"]: field["value"]
               for field in suite.store.call("contact_get", kept["id"])["fields"]}
    assert contact["email"] == "buyer@customer.example"
    assert contact["company"] == "Ünïted <Customers> & Co"

    assert kept["product_code"] == product
    assert kept["account_id"] == BUYER
    assert kept["registered_at"] > 0
    if product == NEW:
        assert kept["license_arn"] == deal["license_arn"]
    else:
        assert kept["customer_identifier"] == deal["customer_identifier"]
    calls = suite.sandbox.log()["counts"]
    assert calls["ResolveCustomer"] == 1
    assert calls["GetEntitlements"] >= 1

    suite.store.call("link", kept["id"], "tenant-1")
    suite.eventually_answers(True, "entitled", "tenant-1", "seats", 10)
    asked_before = suite.sandbox.log()["counts"]["GetEntitlements"]
    for handle in ("tenant-1", BUYER, own_handle(product, deal), kept["id"]):
        assert suite.check_all(handle, "seats", 10) == [(True, "entitled")] * 2
        assert suite.check_all(handle, "seats", 11) == [(False, "insufficient_quantity")] * 2
        assert suite.check_all(handle, "storage_tb", 1) == [(False, "not_entitled")] * 2
    stranger = suite.check("nobody", "seats", 1, product=NEW)
    assert (stranger["allow"], stranger["reason"]) == (False, "not_subscribed")
    assert stranger["subscribe_url"].startswith("https://")
    # A check never asks AWS.
    assert suite.sandbox.log()["counts"]["GetEntitlements"] == asked_before


def test_registering_again_is_harmless(suite, product):
    deal = registered(suite, product)
    first = record(suite, own_handle(product, deal))
    for token in (deal["token"], suite.sandbox.token(agreement=deal["agreement_id"])["token"]):
        assert suite.register(token).status == 200
    assert record(suite, own_handle(product, deal))["id"] == first["id"]
    assert len(suite.store.call("list")["subscriptions"]) == 1


# 3: an upgrade, also when AWS's first answer after it is still the old one.

@pytest.mark.parametrize("stale_answers", [0, 1])
def test_an_upgrade_reaches_every_checker(suite, product, stale_answers):
    deal = registered(suite, product)
    if stale_answers:
        suite.sandbox.fault(operation="GetEntitlements", kind="stale", count=stale_answers)
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", 25)
    causes = [entry["cause"] for entry in
              journal_of(suite, record(suite, own_handle(product, deal))["id"])]
    assert "refresh" in causes and "registration" in causes


def test_a_trace_follows_an_event_through_every_daemon(suite):
    deal = registered(suite, NEW)
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 25)
    subscription = record(suite, deal["license_arn"])["id"]
    change = next(entry for entry in journal_of(suite, subscription) if "25" in entry["change"])
    message = next(message for message in suite.store.call("notifications", "", 100)["notifications"]
                   if message["trace"] == change["trace"])
    assert subscription in message["subscriptions"]
    said = {name: change["trace"] in process.said() for name, process in suite.processes.items()}
    assert said["poller"] and said["store"] and (said["checker-1"] or said["checker-2"]), said


# 4: concurrent agreements, and two products of one account.

def test_concurrent_agreements_are_told_apart_and_summed(suite):
    first = registered(suite, NEW, 10)
    second = registered(suite, NEW, 5)
    assert first["license_arn"] != second["license_arn"]
    suite.eventually_answers(True, "entitled", BUYER, "seats", 15)
    assert suite.check_all(BUYER, "seats", 16) == [(False, "insufficient_quantity")] * 2
    assert suite.check(BUYER, "seats", 15)["combined"] == 2
    assert suite.check_all(first["license_arn"], "seats", 11) == [(False, "insufficient_quantity")] * 2
    assert suite.check_all(BUYER, "seats", 11, license=first["license_arn"]) \
        == [(False, "insufficient_quantity")] * 2

    suite.sandbox.cancel(agreement=first["agreement_id"])
    suite.eventually_answers(False, "ended", first["license_arn"], "seats", 1)
    assert suite.check_all(BUYER, "seats", 5) == [(True, "entitled")] * 2
    assert suite.check_all(BUYER, "seats", 6) == [(False, "insufficient_quantity")] * 2


def test_a_legacy_listing_opted_in_gains_licences_without_doubling(suite):
    deal = registered(suite, LEGACY)
    before = record(suite, deal["customer_identifier"])
    suite.sandbox.settings(products={LEGACY: {"concurrent": True}})
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 12})
    suite.eventually_answers(True, "entitled", deal["customer_identifier"], "seats", 12)
    after = record(suite, deal["customer_identifier"])
    assert after["id"] == before["id"]
    assert after["license_arn"] == deal["license_arn"]
    assert suite.check_all(BUYER, "seats", 13) == [(False, "insufficient_quantity")] * 2
    assert len(suite.store.call("list")["subscriptions"]) == 1


def test_two_products_of_one_account_are_never_summed(suite):
    registered(suite, NEW, 10)
    registered(suite, LEGACY, 5)
    with pytest.raises(Exception, match="bad_request.*" + NEW):
        suite.check(BUYER, "seats", 1)
    assert suite.check(BUYER, "seats", 10, product=NEW)["allow"]
    assert not suite.check(BUYER, "seats", 11, product=NEW)["allow"]
    assert not suite.check(BUYER, "seats", 6, product=LEGACY)["allow"]


# 5: renewal, dates that pass, cancellation, failed payment.

@pytest.mark.parametrize("turn", [
    {"order": "ended_first"},
    {"order": "created_first"},
    {"order": "ended_first", "lose": ["ended"]},
    {"order": "created_first", "lose": ["created"]},
    {"order": "ended_first", "lose": ["deprovisioned"]},
    {"order": "created_first", "with_previous": False},
], ids=lambda turn: "-".join(str(value) for value in turn.values()))
def test_a_renewal_interrupts_nothing(suite, turn):
    deal = registered(suite, NEW)
    old = record(suite, deal["license_arn"])
    suite.store.call("link", old["id"], "tenant-1")
    suite.eventually_answers(True, "entitled", "tenant-1", "seats", 10)

    new = suite.sandbox.renew(agreement=deal["agreement_id"], dimensions={"seats": 30}, **turn)
    assert new["license_arn"] != deal["license_arn"]

    def renewed():
        answers = [suite.check("tenant-1", "seats", 10, checker=name) for name in suite.checkers]
        # Never interrupted, at any moment of the renewal.
        assert all(answer["allow"] for answer in answers), answers
        return all(suite.check("tenant-1", "seats", 30, checker=name)["allow"]
                   for name in suite.checkers)

    suite.eventually(renewed)
    for handle in ("tenant-1", BUYER, deal["license_arn"], new["license_arn"], old["id"]):
        assert suite.check_all(handle, "seats", 30) == [(True, "entitled")] * 2, handle
        assert suite.check_all(handle, "seats", 31) == [(False, "insufficient_quantity")] * 2, handle


def test_whose_renewal_it_is_is_not_guessed(suite):
    over, renewed = (registered(suite, NEW, seats) for seats in (10, 7))
    suite.sandbox.cancel(agreement=over["agreement_id"], lose=["all"])
    suite.sandbox.renew(agreement=renewed["agreement_id"], dimensions={"seats": 9}, lose=["all"])
    for deal in (over, renewed):
        suite.store.call("mark", deal["license_arn"], "max_age")
    suite.eventually(lambda: [end["reason"] for end in suite.entitlectl_json("held")["ends"]]
                     == ["undecided"] * 2)
    for handle, seats in ((over["license_arn"], 10), (renewed["license_arn"], 7), (BUYER, 9)):
        suite.eventually(lambda: all(allow for allow, _ in suite.check_all(handle, "seats", seats)))
    assert suite.entitlectl("held", "accept", over["license_arn"])[0] == 0
    suite.eventually_answers(False, "ended", over["license_arn"], "seats", 1)
    suite.store.call("mark", renewed["license_arn"], "max_age")
    suite.eventually_answers(True, "entitled", renewed["license_arn"], "seats", 9)
    assert suite.check_all(BUYER, "seats", 10) == [(False, "insufficient_quantity")] * 2


def test_a_renewed_contract_can_be_cancelled(suite):
    deal = registered(suite, NEW)
    suite.store.call("link", record(suite, deal["license_arn"])["id"], "tenant-1")
    new = suite.sandbox.renew(agreement=deal["agreement_id"], dimensions={"seats": 30})
    suite.eventually_answers(True, "entitled", "tenant-1", "seats", 30)
    suite.sandbox.cancel(agreement=new["agreement_id"])
    suite.eventually_answers(False, "ended", "tenant-1", "seats", 1)


def test_a_legacy_renewal_is_a_later_date(suite):
    deal = registered(suite, LEGACY)
    later = int(time.time()) + 2 * YEAR_S
    suite.sandbox.change(agreement=deal["agreement_id"], expires_at=later)
    suite.eventually(lambda: all(
        suite.check(deal["customer_identifier"], checker=name).get("expires_at") == later
        for name in suite.checkers))


def test_a_date_that_passes_before_the_renewal_is_processed_is_served(suite, product):
    # AWS goes on listing the date that has passed until the renewal is through.
    deal = registered(suite, product, term_s=4, expiry_lag_s=-1)
    handle = own_handle(product, deal)
    suite.eventually_answers(True, "grace", handle, "seats", 10)
    later = int(time.time()) + YEAR_S
    suite.sandbox.change(agreement=deal["agreement_id"], expires_at=later)
    suite.eventually_answers(True, "entitled", handle, "seats", 10)


def test_a_cancellation_ends_it_with_evidence(suite, product):
    deal = registered(suite, product)
    subscription = record(suite, own_handle(product, deal))["id"]
    suite.sandbox.cancel(agreement=deal["agreement_id"])
    suite.eventually_answers(False, "ended", own_handle(product, deal), "seats", 1)
    evidence = record(suite, own_handle(product, deal))["evidence"]
    assert evidence["empty_again_at"] >= evidence["empty_at"] + 1
    assert evidence.get("notice") or evidence.get("product_alive_at")
    changes = " ".join(entry["change"] for entry in journal_of(suite, subscription))
    assert "ended" in changes or "end" in changes, changes


def test_a_failed_payment_never_grants(suite):
    deal = buy(suite, LEGACY, pending_s=3600)
    assert suite.register(deal["token"]).status == 200
    suite.sandbox.subscribe_fail(agreement=deal["agreement_id"])
    suite.eventually(lambda: record(suite, deal["customer_identifier"]).get("payment_failed_at"))
    for allow, _ in suite.check_all(deal["customer_identifier"], "seats", 1):
        assert not allow
    shown = suite.entitlectl_json("show", deal["customer_identifier"])
    assert "payment_failed" in str(shown)


# 6: entitlements that are not there yet.

def test_a_pending_purchase_becomes_active_by_itself(suite, product):
    deal = buy(suite, product, entitlements_after=3, lose=["all"])
    page = suite.register(deal["token"])
    assert page.status == 200
    suite.eventually(lambda: suite.check(own_handle(product, deal))["allow"])
    suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", 10)


def test_a_pending_purchase_says_so(suite, product):
    deal = buy(suite, product, pending_s=3600)
    page = suite.register(deal["token"])
    assert page.status == 200
    assert "AWS is still preparing" in page.get("/registration/status").body
    assert suite.check_all(own_handle(product, deal), "seats", 1) == [(False, "pending")] * 2


# 7: notifications before the registration, twice, out of order.

def test_a_notification_before_the_registration_makes_the_record(suite, product):
    deal = buy(suite, product)
    suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", 10)
    before = record(suite, own_handle(product, deal))
    assert "registered_at" not in before
    assert suite.register(deal["token"]).status == 200
    after = record(suite, own_handle(product, deal))
    assert after["id"] == before["id"] and after["registered_at"] > 0
    assert len(suite.store.call("list")["subscriptions"]) == 1


def test_messages_doubled_and_reordered_make_one_correct_record(suite, product):
    for kind in ("duplicate", "reorder"):
        suite.sandbox.fault(operation="ReceiveMessage", kind=kind, count=20)
    deal = registered(suite, product)
    for seats in (11, 12, 13):
        suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": seats})
    suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", 13)
    assert suite.check_all(own_handle(product, deal), "seats", 14) == \
        [(False, "insufficient_quantity")] * 2
    assert len(suite.store.call("list")["subscriptions"]) == 1
    suite.sandbox.wait_queue_empty()


# 8: AWS in trouble.

@pytest.mark.parametrize("kind", ["throttle", "error500", "hang", "truncate"])
def test_answers_go_on_while_aws_fails_and_catch_up_afterwards(suite, kind):
    deal = registered(suite, NEW)
    suite.sandbox.fault(operation="GetEntitlements", kind=kind, count=1000)
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    failed = suite.sandbox.log()["counts"]["GetEntitlements"] + 2
    suite.eventually(lambda: suite.sandbox.log()["counts"]["GetEntitlements"] >= failed)
    answer = suite.check(deal["license_arn"], "seats", 10)
    assert (answer["allow"], answer["reason"]) == (True, "entitled")
    assert answer["verified_at"] > 0
    suite.sandbox.faults_clear()
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 25)
    assert suite.sandbox.log()["get_entitlements_peak_per_second"] <= 20 + 2 * 8


def test_empty_answers_of_a_wrong_account_cut_nobody_off(suite, product):
    deals = [registered(suite, product, account=account) for account in
             (BUYER, "222233334444", "333344445555")]
    suite.sandbox.fault(operation="GetEntitlements", kind="wrong_account", count=1000)
    for deal in deals:
        suite.store.call("mark", own_handle(product, deal), "max_age")
    suite.eventually(lambda: all(
        record(suite, own_handle(product, deal)).get("evidence", {}).get("empty_again_at")
        for deal in deals))
    for deal in deals:
        assert suite.check_all(own_handle(product, deal), "seats", 10) == [(True, "held")] * 2
    suite.sandbox.faults_clear()
    for deal in deals:
        suite.store.call("mark", own_handle(product, deal), "max_age")
        suite.eventually_answers(True, "entitled", own_handle(product, deal), "seats", 10)


def test_the_operator_decides_what_is_held(suite):
    deals = [registered(suite, NEW, account=account) for account in (BUYER, "222233334444")]
    suite.sandbox.fault(operation="GetEntitlements", kind="wrong_account", count=1000)
    for deal in deals:
        suite.store.call("mark", deal["license_arn"], "max_age")
    suite.eventually(lambda: [end["reason"] for end in suite.entitlectl_json("held")["ends"]]
                     == ["unexplained"] * 2)
    assert len(suite.entitlectl_json("held", "list")["ends"]) == 2
    entries = suite.entitlectl_json("journal", "--limit", "50")["entries"]
    assert len([entry for entry in entries if entry.get("event") == "held"]) == 1
    figures = {each["name"]: each["value"] for each in suite.store.call("stats")["counters"]}
    assert figures["entitled_ends_held"] == 2
    true, false = (deal["license_arn"] for deal in deals)
    assert suite.entitlectl("held", "accept", true, "--reason", "they called")[0] == 0
    suite.eventually_answers(False, "ended", true, "seats", 10)
    assert suite.entitlectl("held", "refuse", "--product", "new", "--yes")[0] == 0
    suite.eventually(lambda: [end["reason"] for end in suite.entitlectl_json("held")["ends"]] == ["refused"])
    # The exception was refused; what is said of the rest is not said of it.
    assert suite.entitlectl("held", "accept", "--product", "new", "--yes")[0] == 0
    assert suite.store.call("held_decide", "accept", product=NEW)["subscriptions"] == []
    assert [end["reason"] for end in suite.entitlectl_json("held")["ends"]] == ["refused"]
    suite.eventually_answers(True, "held", false, "seats", 10)
    assert suite.entitlectl("held", "accept", true)[0] == 1  # it is not held any more
    assert suite.entitlectl("held", "accept")[0] == 2
    suite.sandbox.faults_clear()
    for licence in (true, false):
        suite.store.call("mark", licence, "max_age")
        suite.eventually_answers(True, "entitled", licence, "seats", 10)
    assert suite.entitlectl_json("held")["ends"] == []


def test_many_ends_that_nobody_announced_are_held_until_the_operator_decides():
    many = 2
    running = Suite(f"\n[store]\nmany_ends = {many}\n")
    try:
        running.start()
        deals = {product: [registered(running, product, account=f"{number}11122223333")
                           for number in range(1, many + 3)] for product in (NEW, LEGACY)}
        true, false, others = (own_handle(*each) for each in (
            (NEW, deals[NEW][0]), (LEGACY, deals[LEGACY][0]), (NEW, deals[NEW][-1])))
        for product in (NEW, LEGACY):
            for deal in deals[product][:-1]:
                running.sandbox.cancel(agreement=deal["agreement_id"], lose=["all"])
                running.store.call("mark", own_handle(product, deal), "max_age")
        held = running.eventually(lambda: all_held(running, 2 * (many + 1)))
        assert {end["reason"] for end in held} == {"many"}
        assert figures(running)["entitled_ends_held"] == 2 * (many + 1)
        code, text, _ = running.entitlectl("explain", false, "seats")
        assert code == 0 and "one of many of the product at once" in " ".join(text.split()), text
        for product in (NEW, LEGACY):
            for deal in deals[product][:-1]:
                running.eventually_answers(True, "held", own_handle(product, deal), "seats", 10)
        assert running.check_all(others, "seats", 10) == [(True, "entitled")] * 2

        assert running.entitlectl("held", "accept", "--product", NEW, "--yes")[0] == 0
        assert running.entitlectl("held", "refuse", "--product", LEGACY, "--yes")[0] == 0
        for deal in deals[NEW][:-1]:
            running.eventually_answers(False, "ended", deal["license_arn"], "seats", 1)
        assert (figures(running)["entitled_ends_held"], figures(running)["entitled_ends_refused"]) == (0, many + 1)
        # AWS says it once more; what was refused is served on.
        asked = record(running, false)["verified_at"]
        running.eventually(lambda: running.store.call("mark", false, "max_age") and
                           record(running, false)["verified_at"] > asked)
        running.eventually_answers(True, "held", false, "seats", 10)
        assert running.check_all(true, "seats", 1) == [(False, "ended")] * 2
    finally:
        running.close()


def all_held(suite, count):
    ends = suite.entitlectl_json("held", "list")["ends"]
    return ends if len(ends) == count and all(end["reason"] == "many" for end in ends) else None


def figures(suite):
    """The store's, as the operator sees them."""
    processes = suite.entitlectl_json("stats")["processes"]
    return next(each["counters"] for each in processes if each["process"] == "store")


def test_many_purchases_stay_within_the_quota(suite):
    deals = [buy(suite, NEW, account=f"{account:012d}") for account in range(100, 160)]
    for deal in deals:
        suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    # The store allows so many in any second; what two checkers have under way (eight each) may arrive late.
    peak = suite.sandbox.log()["get_entitlements_peak_per_second"]
    assert peak <= 20 + 2 * 8, peak


# 9: every daemon dies in the middle.

@pytest.mark.parametrize("victim", ["store", "checker-1", "checker-2", "registrar", "poller"])
def test_a_daemon_is_killed_and_nothing_is_lost(suite, victim):
    deal = registered(suite, NEW)
    suite[victim].kill()
    # The others go on.
    alive = "2" if victim == "checker-1" else "1"
    assert suite.check(deal["license_arn"], "seats", 10, checker=alive)["allow"]
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    suite[victim].start()
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 25)
    # And once more through the whole suite.
    second = registered(suite, NEW, 7)
    assert second["license_arn"] != deal["license_arn"]
    suite.sandbox.wait_queue_empty()


def test_what_the_store_acknowledged_survives_its_death(suite):
    deal = registered(suite, NEW)
    kept = record(suite, deal["license_arn"])["id"]
    for number in range(50):
        suite.store.call("link", kept, f"tenant-{number}")
        if number % 10 == 9:
            suite["store"].kill()
            suite["store"].start()
            assert suite.eventually(lambda: record(suite, kept))["tenant"] == f"tenant-{number}"
    suite.eventually_answers(True, "entitled", "tenant-49", "seats", 10)


def test_a_second_store_on_the_same_directory_refuses_to_start(suite):
    second = suite.add("second-store", "entitled-store")
    second.start(wait=False)
    assert second.popen.wait(30) != 0
    assert "held by" in second.said()
    del suite.processes["second-store"]
    assert suite.store.call("ping")["time_ms"] > 0

