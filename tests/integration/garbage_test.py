"""Garbage on any socket, queue or page gets a clear error and a counter, and every daemon lives."""
import random
import socket

import msgpack
import pytest
import zmq

from tests.support.rpc import Client
from tests.support.suite import BUYER, NEW

SEED = 20261123


def garbage(generator):
    kind = generator.randrange(6)
    if kind == 0:
        return generator.randbytes(generator.randrange(200))
    if kind == 1:
        return msgpack.packb([generator.randrange(4), generator.randrange(10), "check",
                              [generator.choice([None, 1, "x", b"\xff", [], {}])] * 3])
    if kind == 2:
        return b"\xdd\xff\xff\xff\xff" + generator.randbytes(10)
    if kind == 3:
        whole = msgpack.packb([0, 1, "check", ["handle", "seats", 1, {"timeout_ms": 5}]])
        return whole[:generator.randrange(len(whole))]
    if kind == 4:
        return b"\x91" * generator.randrange(1, 2000)
    return msgpack.packb([0, 1, generator.choice(["", "check", "apply", "x" * 500]),
                          [{"a": {"b": [1, 2, {"c": None}]}}]])


def throw(endpoint, rounds=300):
    generator = random.Random(SEED)
    thrower = zmq.Context.instance().socket(zmq.DEALER)
    thrower.setsockopt(zmq.LINGER, 0)
    thrower.connect(endpoint)
    for _ in range(rounds):
        thrower.send_multipart([garbage(generator) for _ in range(generator.randrange(1, 4))])
        thrower.send_multipart([b"", garbage(generator)])
    # The last answer has come, so all of it has been read.
    thrower.send_multipart([b"", msgpack.packb([0, 99, "ping", []])])
    while True:
        assert thrower.poll(20000), "no answer to the ping behind the garbage"
        try:
            answer = msgpack.unpackb(thrower.recv_multipart()[-1])
        except ValueError:
            continue
        if answer[1] == 99:
            break
    thrower.close()


@pytest.mark.parametrize("name", ["store", "1"])
def test_garbage_on_a_socket_is_counted_and_survived(suite, name):
    def malformed():
        counters = Client(suite.endpoint_of(name)).call("stats")["counters"]
        return sum(counter["value"] for counter in counters if "malformed" in counter["name"])

    before = malformed()
    throw(suite.endpoint_of(name))
    assert malformed() > before
    assert all(process.alive() for process in suite.processes.values())


def test_a_frame_over_the_limit_costs_only_its_sender(suite):
    sender = zmq.Context.instance().socket(zmq.DEALER)
    sender.setsockopt(zmq.LINGER, 0)
    sender.connect(suite.endpoint_of("1"))
    sender.send(b"\0" * (2 * 1024 * 1024 + 1))
    assert Client(suite.endpoint_of("1")).call("ping")["time_ms"] > 0
    sender.close()


def test_garbage_in_the_queue_is_kept_with_its_reason(suite):
    bodies = ["", "{", "null", "[]", "{}", '{"Type":"Notification"}', '{"action":7}',
              '{"detail-type":"License Updated - Manufacturer","source":"aws.agreement-marketplace"}',
              '{"action":"no-such-action","customer-identifier":"c","product-code":"p"}',
              '"' + "x" * 200000 + '"', '{"a":' * 100 + "1" + "}" * 100]
    for body in bodies:
        suite.sandbox.send_event(body=body)
    suite.sandbox.wait_queue_empty()
    kept = suite.store.call("notifications", "", 100)["notifications"]
    assert len(kept) == len(bodies)
    assert all(message["outcome"] in ("not_understood", "recorded") for message in kept)
    assert all(message.get("problem") for message in kept
               if message["outcome"] == "not_understood")
    # What comes behind it is worked on.
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 1)


def test_garbage_on_the_page_gets_an_answer(suite):
    port = int(suite.registrar_url.rsplit(":", 1)[1])
    generator = random.Random(SEED)
    answered = [
        b"GET\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 3\r\n\r\n%%%",
    ]
    for request in answered:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            try:
                connection.sendall(request)
                connection.recv(65536)  # an answer, or the end of the connection
            except ConnectionError:
                pass
    # What is no request yet is left in the middle.
    for request in [b"\r\n\r\n", *(generator.randbytes(300) for _ in range(50))]:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request)
    assert suite.register("").status == 400
    assert suite["registrar"].alive()
