"""Where a message comes from: signatures, topics, accounts, repetitions and dead letters, with the
real sandbox, store and poller."""
import json

import pytest

from tests.support.place import Place
from tests.support.rpc import Client
from tests.support.sandbox import BUYER, LEGACY, NEW, PRODUCTS, SECRET_KEY, ACCESS_KEY, SELLER, Sandbox

TOPIC = f"arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-{LEGACY}"
SUBSCRIPTIONS = f"arn:aws:sns:us-east-1:287250355862:aws-mp-subscription-notification-{LEGACY}"


class Bench(Place):
    def __init__(self):
        super().__init__()
        self.sandbox = Sandbox(self.directory).start()
        self.store = self.program("store", "entitled-store")
        self.poller = self.program("poller", "entitled-poller")
        self.client = None

    def start(self, queue=None, *more):
        self.write_settings(
            {"entitled": {"log_level": "debug"},
             "aws": {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "seller_account": SELLER},
             "store": {"directory": self.directory / "data", "free_space_floor": 0},
             "poller": {"wait_time": "1s"},
             "queue main": {"url": self.sandbox.queue_url, **({"local_certificates": "yes"} if queue is None else queue)}},
            PRODUCTS, *more)
        self.store.start()
        self.poller.start()
        self.client = Client(self.socket("store.rpc"))
        return self

    def close(self):
        if self.client:
            self.client.close()
        codes = []
        for process in (self.poller, self.store):
            if process.popen is not None:
                codes.append(process.stop())
                process.check_sanitizers()
        self.sandbox.stop()
        assert not any(codes), self.poller.tail()
        self.remove()

    def notifications(self):
        """What the store has taken in, the oldest first, once the queue is empty."""
        self.sandbox.wait_queue_empty()
        return self.client.call("notifications", "", 100)["notifications"][::-1]

    def outcomes(self):
        return [kept["outcome"] for kept in self.notifications()]

    def records(self):
        return self.client.call("list")["subscriptions"]

    def assert_refused(self, *reasons):
        """Kept with the reason; nothing follows from it."""
        kept = self.notifications()
        assert [one["outcome"] for one in kept] == ["not_understood"] * len(reasons), kept
        # SQS promises no order, so neither does what was kept.
        problems = [one["problem"] for one in kept]
        for reason in reasons:
            fitting = [problem for problem in problems if reason in problem]
            assert fitting, (reason, problems)
            problems.remove(fitting[0])
        for one in kept:
            assert one["event_id"] == one["message_id"]
            assert not {"customer_identifier", "product_code", "type"} & set(one), one
        assert self.records() == []


@pytest.fixture
def bench():
    made = Bench()
    try:
        yield made
    finally:
        made.close()


def buy(bench, product=LEGACY):
    return bench.sandbox.buy(product=product, account=BUYER, dimensions={"seats": 10})


@pytest.fixture
def envelope(bench):
    """One that the sandbox has signed, taken off the queue before any poller ran."""
    buy(bench)
    envelope = bench.sandbox.messages()[-1]
    bench.sandbox.reset()
    assert bench.sandbox.messages() == []
    return envelope


@pytest.mark.parametrize("version", [1, 2])
def test_what_sns_signed_is_acted_on_and_its_certificate_fetched_once(bench, version):
    bench.sandbox.settings(products={LEGACY: {"signature_version": version}})
    bench.start()
    deal = buy(bench)
    for seats in (11, 12, 13):
        bench.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": seats})
    assert bench.outcomes() == ["applied"] * 5
    record, = bench.records()
    assert record["customer_identifier"] == deal["customer_identifier"]
    assert bench.sandbox.counts()["SigningCertificate"] == 1
    assert "a certificate of SNS is trusted" in bench.poller.said()


def test_what_was_altered_on_its_way_is_kept_and_never_acted_on(bench):
    bench.sandbox.fault(operation="Event", kind="tamper", count=2)
    bench.start()
    buy(bench)
    bench.assert_refused("Signature does not fit", "Signature does not fit")
    said = bench.poller.said()
    assert "a message is kept without being acted on" in said
    # Told before the message, and once a minute however many there are.
    event, = [entry for entry in bench.client.call("journal", "", 100)["entries"]
              if entry.get("event") == "refused"]
    assert "poller: a message without a valid signature" in event["change"]


def test_a_signature_serves_no_other_message(bench, envelope):
    bench.start()
    forged = {"action": "unsubscribe-success", "customer-identifier": "c", "product-code": LEGACY}
    for change in ({"Message": json.dumps(forged)}, {"TopicArn": SUBSCRIPTIONS},
                   {"Timestamp": "2030-01-01T00:00:00.000Z"}, {"Subject": "new"},
                   {"SignatureVersion": "2"}, {"SignatureVersion": "3"}, {"Signature": "AAAA"},
                   {"Signature": ""}, {"SigningCertURL": "https://attacker.example/a.pem"},
                   {"SigningCertURL": ""}):
        bench.sandbox.send_event(body={**envelope, **change})
    bench.assert_refused(*["Signature does not fit"] * 5, "SignatureVersion",
                         "Signature does not fit", "no Signature", "SigningCertURL",
                         "SigningCertURL")


def test_a_certificate_of_this_machine_needs_the_setting(bench):
    bench.start({})
    buy(bench)
    bench.assert_refused("SigningCertURL", "SigningCertURL")
    assert "SigningCertificate" not in bench.sandbox.counts()


def test_raw_delivery_needs_the_check_off(bench):
    bench.sandbox.settings(products={LEGACY: {"raw_delivery": True}})
    bench.start()
    buy(bench)
    bench.assert_refused("raw", "raw")


def test_the_check_can_be_switched_off(bench):
    bench.sandbox.settings(products={LEGACY: {"raw_delivery": True}})
    bench.start({"check_signatures": "no"})
    deal = buy(bench)
    bench.sandbox.settings(products={LEGACY: {"raw_delivery": False}})
    bench.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 11})
    assert bench.outcomes() == ["applied"] * 3
    assert "SigningCertificate" not in bench.sandbox.counts()


def test_only_expected_topics_speak(bench):
    bench.start({"local_certificates": "yes", "topic_arns": TOPIC})
    buy(bench)
    kept = bench.notifications()
    refused, = [one for one in kept if one["outcome"] == "not_understood"]
    assert SUBSCRIPTIONS in refused["problem"] and "none of topic_arns" in refused["problem"]
    assert sorted(one["outcome"] for one in kept) == ["applied", "not_understood"]


@pytest.mark.parametrize("kind", ["error500", "throttle", "truncate"])
def test_a_message_whose_certificate_is_away_is_not_lost(bench, kind):
    bench.sandbox.fault(operation="SigningCertificate", kind=kind, count=-1)
    bench.start()
    deal = buy(bench)
    bench.sandbox.wait_calls("ChangeMessageVisibilityBatch", 1)
    for call in bench.sandbox.calls("ChangeMessageVisibilityBatch"):
        assert {entry["VisibilityTimeout"] for entry in call["parameters"]["Entries"]} == {10}
    assert bench.records() == []
    # What SNS has no part in goes on meanwhile.
    new = buy(bench, NEW)
    bench.sandbox.wait_calls("DeleteMessageBatch", 1)
    assert bench.client.call("find", new["license_arn"])["subscriptions"]
    bench.sandbox.faults_clear()
    assert bench.outcomes().count("applied") >= 3
    assert bench.client.call("find", deal["customer_identifier"])["subscriptions"]
    assert "its signature cannot be checked now" in bench.poller.said()


def test_what_is_no_certificate_is_the_reason(bench):
    bench.sandbox.fault(operation="SigningCertificate", kind="empty", count=-1)
    bench.start()
    buy(bench)
    bench.assert_refused("not a certificate", "not a certificate")


def test_a_repeated_message_is_recognised(bench, envelope):
    bench.start()
    for _ in range(3):
        bench.sandbox.send_event(body=envelope)
    assert bench.outcomes() == ["applied", "duplicate", "duplicate"]
    assert len(bench.records()) == 1


def test_events_of_another_account_or_source_are_kept_and_never_acted_on(bench):
    buy(bench, NEW)
    event = bench.sandbox.messages()[-1]
    bench.sandbox.reset()
    bench.start()
    for change in ({"account": "999900001111"}, {"account": ""}, {"source": "aws.other"},
                   {"source": "custom.aws.agreement-marketplace"}):
        bench.sandbox.send_event(body={**event, **change})
    kept = bench.notifications()
    assert len(kept) == 4 and all(one.get("problem") for one in kept), kept
    assert any(one["outcome"] == "not_understood" and "999900001111" in one["problem"] for one in kept)
    assert bench.records() == []


def test_a_replayed_event_is_recognised(bench):
    buy(bench, NEW)
    event = bench.sandbox.messages()[-1]
    bench.sandbox.reset()
    bench.start()
    for _ in range(3):
        bench.sandbox.send_event(body=event)
    again = {**event, "id": "another"}
    bench.sandbox.send_event(body=again)
    bench.sandbox.send_event(body={**again, "detail": {**event["detail"], "requestId": "another"}})
    assert sorted(bench.outcomes()) == ["applied", "applied", "duplicate", "duplicate", "duplicate"]
    assert len(bench.records()) == 1


def test_a_dead_letter_that_is_redriven_is_an_ordinary_message(bench):
    bench.sandbox.settings(queues={"mp-events": {"max_receive_count": 1}})
    bench.sandbox.fault(operation="SigningCertificate", kind="error500", count=-1)
    bench.start()
    deal = buy(bench)
    # Handed back once, then SQS gives it up.
    bench.sandbox.wait_queue_empty()
    assert len(bench.sandbox.messages("mp-events-dlq")) == 2
    assert bench.records() == []
    bench.sandbox.faults_clear()
    assert bench.sandbox.redrive() == {"moved": 2}
    assert bench.outcomes() == ["applied", "applied"]
    record, = bench.records()
    assert record["customer_identifier"] == deal["customer_identifier"]


def test_a_dead_letter_queue_may_be_read_itself(bench):
    bench.sandbox.settings(queues={"mp-events": {"max_receive_count": 1}})
    bench.sandbox.fault(operation="SigningCertificate", kind="error500", count=-1)
    dead = bench.sandbox.queue_url + "-dlq"
    bench.start({"local_certificates": "yes"}, {"queue dead": {"check_signatures": "no", "url": dead}})
    buy(bench)
    bench.sandbox.wait_queue_empty()
    bench.sandbox.wait_queue_empty("mp-events-dlq")
    assert bench.outcomes() == ["applied", "applied"]
    assert len(bench.records()) == 1
    assert "a message comes from a dead-letter queue" in bench.poller.said()
