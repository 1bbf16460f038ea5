"""Floods over the socket of a real checker: what it keeps for those who flood is bounded, and everybody
else is answered."""
import contextlib
import re

import msgpack
import pytest
import zmq

from tests.support.process import PATIENCE
from tests.support.suite import BUYER, NEW, Suite

LONG = "9exampleproductcode0000009"
# 16 peers times 60 answers of 1.7 MB would be 1.6 GB. What may wait is 256 MiB in all; the rest is for a
# sanitizer, which keeps as much of what was freed.
PEERS, ASKED, QUESTIONS, URL_BYTES = 16, 60, 900, 1900
MEMORY_LIMIT_KIB = 1200 * 1024


@pytest.fixture(scope="module")
def suite():
    url = "https://example.com/" + "x" * (URL_BYTES - 20)
    running = Suite(extra_settings=f"\n[product long]\ncode = {LONG}\nsubscribe_url = {url}\n")
    try:
        running.start()
        deal = running.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
        running.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
        yield running
    finally:
        running.close()


def most_memory_kib(suite):
    pid = suite["checker-1"].popen.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status.read(), re.M).group(1))


@contextlib.contextmanager
def dealer(endpoint):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 1)
    socket.connect(endpoint)
    yield socket
    socket.close()


def test_peers_that_read_nothing_cost_a_bounded_amount(suite):
    question = msgpack.packb([0, 7, "check_many", [[["nobody", "seats", 1]] * QUESTIONS, {"product": LONG}]])
    before = suite.figures()["entitled_requests_total"]
    with contextlib.ExitStack() as stack:
        stuck = [stack.enter_context(dealer(suite.endpoint_of("1"))) for _ in range(PEERS)]
        for _ in range(ASKED):
            for socket in stuck:
                socket.send(question)
        # Each question for the figure is one itself: they are more than enough when all are done.
        while suite.figures()["entitled_requests_total"] - before < PEERS * ASKED:
            pass
        while suite.figures()["entitled_requests_refused_total"] == 0:
            pass
        assert suite.figures()["entitled_requests_waiting_bytes"] <= (256 + 2 * PEERS) << 20
        assert suite.client("1").call("check", BUYER, "seats", 10)["allow"]
        for socket in stuck[:2]:  # who reads again is told what was refused
            codes = set()
            for _ in range(ASKED):
                assert socket.poll(30000 * PATIENCE)
                error = msgpack.unpackb(socket.recv())[2]
                codes.add(error["code"] if error else None)
            assert codes <= {None, "throttled"}
    assert most_memory_kib(suite) < MEMORY_LIMIT_KIB


def test_prefixes_of_a_feed_cost_a_bounded_amount(suite):
    before = most_memory_kib(suite)
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.setsockopt(zmq.LINGER, 0)
    sub.setsockopt(zmq.SNDHWM, 0)
    sub.connect(suite.feed_of("1"))
    for number in range(200):  # a frame as long as these ends the connection
        sub.subscribe(b"%d" % number + b"x" * 8000)
    other = context.socket(zmq.SUB)
    other.connect(suite.feed_of("1"))
    other.subscribe(b"y" * 100)
    while suite.figures()["entitled_feed_readers_cut_off_total"] == 0:
        pass
    assert most_memory_kib(suite) < before + 100 * 1024
    sub.close()
    other.close(linger=0)
    context.term()
