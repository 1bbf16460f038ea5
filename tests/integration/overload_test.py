"""A checker that is asked too much: who does not read loses its own answers, and nobody else's; changes
are seen all the same."""
import itertools
import threading
import time

import msgpack
import pytest
import zmq

from tests.support.process import PATIENCE
from tests.support.rpc import Client
from tests.support.suite import BUYER, NEW, Suite

IN_FLIGHT = 500
UNREAD = 40000  # more than ROUTER, DEALER and kernel hold for one peer


@pytest.fixture(scope="module")
def suite():
    running = Suite()
    try:
        running.start()
        deal = running.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
        running.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
        yield running
    finally:
        running.close()


def wait_for(question):
    """Asks again as fast as answers come."""
    deadline = time.monotonic() + 30 * PATIENCE
    while not question():
        assert time.monotonic() < deadline


def question(msgid):
    return msgpack.packb([0, msgid, "check", [BUYER, "seats", 10]])


def test_who_does_not_read_loses_its_own_answers_only(suite):
    lost_before = suite.figures()["entitled_replies_undeliverable_total"]
    asked_before = suite.figures()["entitled_requests_total"]
    stuck = zmq.Context.instance().socket(zmq.DEALER)
    stuck.setsockopt(zmq.LINGER, 0)
    stuck.setsockopt(zmq.SNDHWM, 0)
    stuck.setsockopt(zmq.RCVHWM, 100)
    stuck.connect(suite.endpoint_of("1"))
    for msgid in range(UNREAD):
        stuck.send(question(msgid))
    own = itertools.count(1)  # the question below is one too, and counted
    wait_for(lambda: suite.figures()["entitled_requests_total"] - asked_before - next(own) >= UNREAD)
    assert suite.client("1").call("check", BUYER, "seats", 10)["allow"]
    lost = suite.figures()["entitled_replies_undeliverable_total"] - lost_before
    assert 0 < lost < UNREAD

    for _ in range(int(UNREAD - lost)):
        assert stuck.poll(30000 * PATIENCE), "an answer that was not counted as lost did not come"
        kind, _, error, answer = msgpack.unpackb(stuck.recv())
        assert (kind, error, answer["allow"]) == (1, None, True)
    stuck.send(question(UNREAD))
    assert stuck.poll(30000 * PATIENCE)
    assert msgpack.unpackb(stuck.recv())[1] == UNREAD
    stuck.close()


class Flood:
    """Keeps questions in flight, and judges every answer."""

    def __init__(self, endpoint):
        self.client = Client(endpoint)
        self.stopping = threading.Event()
        self.answers, self.wrong = 0, None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            for _ in range(IN_FLIGHT):
                self.client.send("check", BUYER, "seats", 10)
            while not self.stopping.is_set():
                if not self.client.receive()["allow"]:
                    self.wrong = "refused"
                self.answers += 1
                self.client.send("check", BUYER, "seats", 10)
        except Exception as error:  # told by stop()
            self.wrong = error

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.client.close()
        assert self.wrong is None, self.wrong


def test_a_flood_of_questions_does_not_starve_the_feed(suite):
    store, client = suite.client("store"), suite.client("1")
    record, = store.call("find", BUYER)["subscriptions"]
    floods = [Flood(suite.endpoint_of("1")) for _ in range(3)]
    try:
        numbers = itertools.count()
        while next(numbers) < 10 or any(flood.answers < 2 * IN_FLIGHT for flood in floods):
            tenant = f"tenant-{next(numbers)}"
            store.call("link", record["id"], tenant)
            wait_for(lambda: client.call("check", tenant, "seats", 10)["reason"] == "entitled")
    finally:
        for flood in floods:
            flood.stop()
