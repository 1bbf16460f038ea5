"""A name server that takes every question and answers none: who calls AWS waits for that call alone. Needs
root, for a mount namespace with an /etc/resolv.conf of its own."""
import os
import pathlib
import secrets
import socket

import pytest

from tests.support.conformance import Ask
from tests.support.hosts import make_keys
from tests.support.process import BIN
from tests.support.rpc import Feed
from tests.support.suite import BUYER, NEW, Suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ["/usr/bin/python3", ROOT / "tests/support/python_client.py"]
LIBENTITLED = [BIN.parent / "tests/unit/ask"]
AWS_DAEMONS = ("checker-1", "registrar", "poller")
# Nobody's, and not this machine's: looked up, never reached.
ELSEWHERE = {f"ENTITLED_AWS_ENDPOINT_{service}": f"https://{service.lower()}.nowhere.example/"
             for service in ("METERING", "ENTITLEMENT", "SQS", "STS")}


class SilentNameServer:
    """Its `enter` begins a command that knows no other name server. One look-up takes the resolver minutes:
    far longer than any test waits for what must not wait for it."""

    def __init__(self, directory):
        self.address = f"127.53.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind((self.address, 53))
        self.socket.settimeout(40)
        self.lookups = {}
        file = directory / "resolv.conf"
        file.write_text(f"nameserver {self.address}\nsearch one.example two.example\n"
                        "options timeout:30 attempts:5\n")
        self.enter = ["unshare", "--mount", "sh", "-ec",
                      f'mount --bind {file} /etc/resolv.conf; exec "$@"', "sh"]

    def wait_for_lookups(self, service, count):
        """Until that many look-ups of the service's host have begun: each has a port of its own."""
        name = f"{service}.nowhere.example"
        while len(self.lookups.setdefault(name, set())) < count:
            question, client = self.socket.recvfrom(4096)
            self.lookups.setdefault(asked_name(question), set()).add(client)


def asked_name(question):
    """RFC 1035, 4.1.2: labels behind a header of 12 bytes."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels)


class Unnamed(Suite):
    checkers = ("1",)

    def __init__(self):
        super().__init__()
        self.names = SilentNameServer(self.directory)
        for name in AWS_DAEMONS:
            self[name].host = self.names
            self[name].environment = ELSEWHERE

    def close(self, keep=False):
        super().close(keep)
        self.names.socket.close()


@pytest.fixture
def suite():
    running = Unnamed()
    try:
        yield running.start()
    finally:
        running.close()


def test_a_checker_goes_on(suite):
    suite.store.call("register", NEW, account_id=BUYER)
    suite.names.wait_for_lookups("entitlement", 3)
    # Its loop passes these on.
    feed = Feed(suite.feed_of("1"))
    try:
        for _ in range(10):
            assert feed.next(40000), "the checker's feed is silent"
    finally:
        feed.close()


def test_a_registrar_answers_whoever_registers(suite):
    browser = suite.register("a-token-of-nobody")
    assert browser.status == 503, browser.body
    assert "AWS Marketplace does not answer at the moment" in browser.body
    suite.names.wait_for_lookups("metering", 1)


def test_a_poller_asks_again(suite):
    suite.names.wait_for_lookups("sqs", 5)


@pytest.mark.parametrize("client", [LIBENTITLED, PYTHON], ids=["libentitled", "python"])
def test_a_client_asks_the_checker_that_has_an_address(suite, client):
    """libzmq looks up the other's name in a thread of its own, which answers to nobody meanwhile."""
    deal = suite.store.call("register", NEW, account_id=BUYER)["subscription"]["id"]
    make_keys(suite.directory / "keys", "application", "checker")
    with Ask(suite.names.enter[0], *suite.names.enter[1:], *client, "remote", "--timeout-ms", 40000,
             "--checker", "tcp://checker.nowhere.example:5800", "--checker", suite.endpoint_of("1"),
             "--certificate", suite.directory / "keys/application.cert",
             "--checker-certificate", suite.directory / "keys/checker.cert",
             environment={**os.environ, "PYTHONPATH": str(ROOT / "proto/clients/python")}) as ask:
        ask.send({"handle": deal, "dimension": "seats", "quantity": 1})
        suite.names.wait_for_lookups("checker", 1)
        answers = [ask.receive(), ask({"handle": deal, "dimension": "seats", "quantity": 1})]
        assert [answer.get("answer", {}).get("subscription") for answer in answers] == [deal] * 2, answers
