"""The poller between the sandbox's SQS and a store that the test plays."""
import json
import pathlib

import pytest

from tests.support.place import Place
from tests.support.sandbox import (ACCESS_KEY, BUYER, LEGACY, NEW, PRODUCTS, SECRET_KEY, SELLER, Sandbox)
from tests.support.stand_in import Refusal, StandIn

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "vectors/aws-wire-examples.json").read_text())
ADVISORY, = [json.loads(case["sqs_body_raw"]) for case in VECTORS["eventbridge"]["cases"]
             if case["id"] == "advisory-issued"]

class Bench(Place):
    def __init__(self):
        super().__init__()
        self.endpoint = self.socket("store.rpc")
        self.sandbox = Sandbox(self.directory).start()
        self.poller = self.program("poller", "entitled-poller")
        self.stores = []

    def settings(self, secret_key=SECRET_KEY, visibility="30s"):
        self.write_settings(
            {"entitled": {"log_level": "debug"},
             "aws": {"access_key_id": ACCESS_KEY, "secret_access_key": secret_key, "seller_account": SELLER},
             "poller": {"wait_time": "1s", "visibility_timeout": visibility},
             # Signatures are the matter of signatures_test.py.
             "queue main": {"url": self.sandbox.queue_url, "check_signatures": "no"}},
            PRODUCTS)

    def start(self, **settings):
        self.settings(**settings)
        self.poller.start()
        return self

    def store(self, notify):
        self.stores.append(StandIn(self.endpoint, notify=notify))
        return self.stores[-1]

    def close(self):
        was_alive = self.poller.alive()
        code = self.poller.stop()
        self.poller.check_sanitizers()
        for store in self.stores:
            store.close()
        self.sandbox.stop()
        assert not was_alive or code == 0, self.poller.tail()
        self.remove()


@pytest.fixture
def bench():
    made = Bench()
    try:
        yield made
    finally:
        made.close()


def applied(notification):
    return {"outcome": "applied", "subscriptions": ["s1"]}


def test_events_are_told_to_the_store_and_then_deleted(bench):
    store = bench.store(applied)
    bench.start()
    deal = bench.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    told = {params[0]["kind"]: params[0] for params in store.wait_asked(2, "notify")}
    bench.sandbox.wait_queue_empty()

    updated = told["license_updated"]
    assert updated["source"] == "eventbridge"
    assert updated["queue"] == "main"
    assert updated["license"].endswith(deal["license_arn"].rsplit(":", 1)[1])
    assert updated["product_code"] == NEW
    assert updated["account_id"] == BUYER
    assert updated["agreement_id"] == deal["agreement_id"]
    body = json.loads(updated["body"])
    assert updated["type"] == body["detail-type"]
    assert updated["event_id"] == body["id"]
    assert updated["event_time"] > 0
    assert updated["trace"] == updated["message_id"]
    assert "problem" not in updated
    assert told["agreement_created"]["intent"] == "NEW"


def test_sns_notifications_are_told_too(bench):
    store = bench.store(applied)
    bench.start()
    deal = bench.sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    (told,), = [params for params in store.wait_asked(2, "notify")
                if params[0]["kind"] == "entitlement_updated"]
    bench.sandbox.wait_queue_empty()
    assert told["source"] == "sns"
    assert told["type"] == "entitlement-updated"
    assert told["customer_identifier"] == deal["customer_identifier"]
    assert told["product_code"] == LEGACY


def test_what_is_not_ours_is_counted_and_alarms_nobody(bench):
    bench.store(lambda notification: {"outcome": "not_ours"})
    bench.start()
    bench.sandbox.send_event(body={"action": "entitlement-updated", "customer-identifier": "c",
                                   "product-code": "an-image"})
    bench.sandbox.wait_queue_empty()
    assert bench.poller.stop() == 0
    said = bench.poller.said()
    assert "not_ours_total=1" in said and "not_understood_total=0" in said
    assert "level=warning" not in said


def test_what_is_not_understood_or_of_strangers_is_told_with_the_reason(bench):
    store = bench.store(lambda notification: {"outcome": "not_understood"})
    bench.start()
    stranger = {"version": "0", "id": "e1", "detail-type": "License Updated - Manufacturer",
                "source": "aws.agreement-marketplace", "account": "999900001111",
                "time": "2026-11-23T12:00:00Z", "detail": {"license": {"arn": "l-1"}}}
    for body in ("x" * 1000000, "{", stranger):
        bench.sandbox.send_event(body=body)
    told = {params[0]["problem"].split(" ")[0]: params[0]
            for params in store.wait_asked(3, "notify")}
    bench.sandbox.wait_queue_empty()
    assert sorted(len(params[0]["body"]) for params in store.wait_asked(3, "notify"))[-1] == 1000000
    assert "999900001111" in told["An"]["problem"]
    assert told["It"]["source"] == "unknown"


def test_an_advisory_of_aws_calls_for_a_person(bench):
    bench.store(lambda notification: {"outcome": "recorded"})
    bench.start()
    for body in (ADVISORY, {**ADVISORY, "id": "e2", "detail-type": ADVISORY["detail-type"].replace(
            "Issued", "Resolved")}):
        bench.sandbox.send_event(body=body)
    bench.sandbox.wait_queue_empty()
    line, = [line for line in bench.poller.said().splitlines() if "level=warning" in line]
    assert "advisory" in line and f"agreement={ADVISORY['detail']['agreement']['id']}" in line
    assert BUYER not in line


def test_what_the_store_cannot_take_is_not_deleted(bench):
    def unavailable(notification):
        raise Refusal("unavailable")

    store = bench.store(unavailable)
    bench.start()
    bench.sandbox.send_event(body={"action": "entitlement-updated", "customer-identifier": "c",
                                   "product-code": LEGACY})
    store.wait_asked(1, "notify")
    bench.sandbox.wait_calls("ChangeMessageVisibilityBatch", 1)
    change, = bench.sandbox.calls("ChangeMessageVisibilityBatch")
    assert [entry["VisibilityTimeout"] for entry in change["parameters"]["Entries"]] == [10]
    assert len(bench.sandbox.messages()) == 1
    assert "DeleteMessageBatch" not in bench.sandbox.counts()


def test_nothing_is_received_while_the_store_is_away(bench):
    bench.start()
    bench.sandbox.send_event(body={"action": "something-new"})
    assert not bench.sandbox.verb("wait", operation="ReceiveMessage", count=1,
                                  timeout_ms=2000)["happened"]
    store = bench.store(applied)
    (told,), = store.wait_asked(1, "notify")
    assert told["source"] == "sns_raw"
    bench.sandbox.wait_queue_empty()


def test_a_stop_hands_back_what_the_store_has_not_acknowledged(bench):
    store = bench.store(lambda notification: None)
    bench.start()
    bench.sandbox.send_event(body={"action": "something-new"})
    store.wait_asked(1, "notify")
    assert bench.poller.stop() == 0
    change, = bench.sandbox.calls("ChangeMessageVisibilityBatch")
    assert [entry["VisibilityTimeout"] for entry in change["parameters"]["Entries"]] == [0]
    assert len(bench.sandbox.messages()) == 1


def test_a_stop_finishes_what_the_store_acknowledges(bench):
    store = bench.store(applied)
    bench.start()
    for _ in range(25):
        bench.sandbox.send_event(body={"action": "something-new"})
    store.wait_asked(1, "notify")
    assert bench.poller.stop() == 0
    told = sum(method == "notify" for method, _ in store.asked)
    assert len(bench.sandbox.messages()) == 25 - told


def test_a_refusal_of_aws_is_an_alarm_and_no_spinning(bench):
    bench.store(applied)
    bench.start(secret_key="notTheSecret")
    bench.sandbox.wait_calls("ReceiveMessage", 1)
    assert not bench.sandbox.verb("wait", operation="ReceiveMessage", count=2 * 3 + 1,
                                  timeout_ms=3000)["happened"]
    said = bench.poller.said()
    assert "level=error" in said and "AWS refuses the queue" in said


def test_throttling_and_failures_pass(bench):
    store = bench.store(applied)
    # A truncated answer hides the message until its visibility has run out.
    for operation, kind, count in (("ReceiveMessage", "throttle", 2),
                                   ("ReceiveMessage", "error500", 2),
                                   ("ReceiveMessage", "truncate", 1),
                                   ("DeleteMessageBatch", "error500", 2)):
        bench.sandbox.fault(operation=operation, kind=kind, count=count)
    bench.sandbox.send_event(body={"action": "something-new"})
    bench.start(visibility="10s")
    store.wait_asked(1, "notify")
    bench.sandbox.wait_queue_empty()


def test_without_a_queue_it_does_not_start(bench):
    bench.write_settings()
    bench.poller.start(wait=False)
    assert bench.poller.popen.wait(30) == 2
    assert "no [queue LABEL] section" in bench.poller.said()
