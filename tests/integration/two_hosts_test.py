"""Two hosts: store and one checker here; there a checker, a registrar, entitlectl and applications. All that
crosses is CURVE, and whoever is not in a list stays out."""
import json
import os
import pathlib
import re
import secrets
import subprocess

import pytest
import zmq.auth

from tests.support.hosts import Host, allow, make_keys
from tests.support.process import BIN
from tests.support.rpc import Client
from tests.support.suite import BUYER, NEW, Suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ["/usr/bin/python3", ROOT / "tests/support/python_client.py"]
# Below those that the system gives out.
STORE = 20000 + 4 * secrets.randbelow(3000)
CHECKER = STORE + 2
LIBENTITLED = [BIN.parent / "tests/unit/ask"]

HERE = """
[entitled]
key_directory = {keys}/here
[store]
listen = ipc://{run}/private/store.rpc tcp://{here}:{store}
feed = ipc://{run}/private/store.feed tcp://{here}:{store_feed}
[checker]
listen = ipc://{run}/public/checker-1.query tcp://*:{checker}
feed = ipc://{run}/public/checker-1.feed tcp://*:{checker_feed}
advertise = {here}
"""
THERE = """
[entitled]
key_directory = {keys}/there
store_endpoint = tcp://{here}:{store}
store_feed_endpoint = tcp://{here}:{store_feed}
checker_endpoints = tcp://{here}:{checker} tcp://{there}:{checker}
checker_certificates = {keys}/there/checker-here.cert {keys}/there/checker.cert
[checker]
listen = tcp://{there}:{checker}
feed = tcp://{there}:{checker_feed}
"""


class TwoHosts(Suite):
    checkers = ("1",)

    def __init__(self, host):
        super().__init__()
        self.host = host
        self.keys = self.directory / "keys"
        self.keys.mkdir()
        self.put_keys()
        places = {"run": self.run, "keys": self.keys,
                  "here": host.here, "there": host.there, "store": STORE, "store_feed": STORE + 1,
                  "checker": CHECKER, "checker_feed": CHECKER + 1}
        settings = self.config.read_text()
        self.config.write_text(settings + HERE.format(**places))
        self.config_there = self.directory / "there.conf"
        settings = settings.replace(str(self.run), str(self.directory / "there"))
        self.config_there.write_text(settings + THERE.format(**places))
        host.lend(int(self.sandbox.address.rpartition(":")[2]))
        self.add("checker-2", "entitled-checker", "--name", "2")
        for name in ("checker-2", "registrar"):
            self[name].host = host
            self[name].arguments[self[name].arguments.index(str(self.config))] = str(self.config_there)
        self.checkers = ("1", "2")
        self._registrar_port = None

    def put_keys(self):
        """Secret halves stay on their host; public ones go where their owners must be recognised."""
        here, there = self.keys / "here", self.keys / "there"
        make_keys(here, "store", "checker")
        make_keys(there, "checker", "registrar", "entitlectl", "application", "stranger")
        allow(here / "store.allowed", *(there / f"{name}.cert"
                                        for name in ("checker", "registrar", "entitlectl")))
        for place in (here / "checker.allowed", there / "checker.allowed"):
            allow(place, there / "application.cert", there / "entitlectl.cert")
        (there / "store.cert").write_bytes((here / "store.cert").read_bytes())
        (there / "checker-here.cert").write_bytes((here / "checker.cert").read_bytes())

    def client(self, name):
        """The checker there has no other sockets than TCP: a path would lead to it from here too."""
        if name == "2" and name not in self.clients:
            pair = zmq.auth.load_certificate(self.keys / "there/application.cert_secret")
            server = zmq.auth.load_certificate(self.keys / "there/checker.cert")[0]
            self.clients[name] = Client(f"tcp://{self.host.there}:{CHECKER}", curve=(*pair, server))
        return super().client(name)

    def feed_of(self, name):
        return super().feed_of("1" if name == "2" else name)

    @property
    def registrar_url(self):
        if not self._registrar_port:
            port = re.findall(r"listening.* port=(\d+)", self["registrar"].said())[-1]
            self._registrar_port = self.host.borrow(int(port))
        return f"http://127.0.0.1:{self._registrar_port}"

    def ask(self, program, *lines, who="application", timeout_ms=20000, checker="checker-here"):
        """An application there, that knows the checker here: what it answers to each line."""
        command = [*self.host.enter, *program, "remote", "--checker", f"tcp://{self.host.here}:{CHECKER}",
                   "--certificate", self.keys / f"there/{who}.cert", "--timeout-ms", timeout_ms,
                   "--checker-certificate", self.keys / f"there/{checker}.cert"]
        done = subprocess.run(list(map(str, command)), input="\n".join(map(json.dumps, lines)) + "\n",
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "proto/clients/python")})
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def entitlectl_there(self, *arguments):
        done = subprocess.run([*self.host.enter, BIN / "entitlectl", "--config", self.config_there, "--json",
                               *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def hosts():
    host = Host()
    suite = None
    try:
        host.open()
        suite = TwoHosts(host)
        yield suite.start()
    finally:
        try:
            if suite:
                suite.close()
        finally:
            host.close()


@pytest.fixture(scope="module")
def deal(hosts):
    deal = hosts.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    hosts.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    return deal


def question(deal):
    return {"handle": deal["license_arn"], "dimension": "seats", "quantity": 10}


def test_what_is_sold_is_answered_on_both_hosts(hosts, deal):
    assert hosts.check_all(deal["license_arn"], "seats", 11) == [(False, "insufficient_quantity")] * 2
    # The checker there, its feed, and the registrar there.
    assert hosts.figures("store")["entitled_connections_admitted_total"] >= 3
    assert hosts.figures("store")["entitled_keys_refused_total"] == 0


def test_a_buyer_registers_there(hosts):
    bought = hosts.sandbox.buy(product=NEW, account="222233334444", dimensions={"seats": 3})
    page = hosts.register(bought["token"])
    assert page.status == 200 and "3" in page.body, page.body
    hosts.eventually_answers(True, "entitled", "222233334444", "seats", 3)


@pytest.mark.parametrize("program", [PYTHON, LIBENTITLED], ids=["python", "libentitled"])
def test_an_application_there_asks_here_and_finds_the_other(hosts, deal, program):
    hosts.eventually(lambda: len(hosts.client("1").call("describe")["peers"]) == 2)
    peers = {peer["name"]: peer for peer in hosts.client("1").call("describe")["peers"]}
    assert peers["1"]["endpoints"][1] == f"tcp://{hosts.host.here}:{CHECKER}"
    assert len(peers["2"]["public_key"]) == 40 and peers["1"]["public_key"] != peers["2"]["public_key"]
    before = hosts.figures("2")["entitled_connections_admitted_total"]
    answers = hosts.ask(program, {"wait_ms": 20000}, *[question(deal)] * 20, {"wait_ms": 20000})
    assert answers[0]["ready"] and all(one["answer"]["allow"] for one in answers[1:-1])
    # By the key that the first told it.
    assert hosts.figures("2")["entitled_connections_admitted_total"] > before


def test_a_copy_is_kept_over_tcp(hosts, deal):
    program = LIBENTITLED
    command = [*hosts.host.enter, *program, "in-process", "--no-discovery", "--checker",
               f"tcp://{hosts.host.here}:{CHECKER}", "--certificate", hosts.keys / "there/application.cert",
               "--checker-certificate", hosts.keys / "there/checker-here.cert"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120,
                          input=json.dumps({"wait_ms": 20000}) + "\n" + json.dumps(question(deal)) + "\n")
    ready, answer = map(json.loads, done.stdout.splitlines())
    assert ready["ready"] and answer["answer"]["allow"] and answer["age_ms"] >= 0, done.stdout


def test_an_operator_works_from_there(hosts, deal):
    assert hosts.entitlectl_there("check", deal["license_arn"], "seats", "10")["allow"]
    processes = hosts.entitlectl_there("stats")["processes"]
    # A poller has none: its figures are the store's to tell.
    assert [one["endpoint"] for one in processes if "endpoint" in one] == [
        f"tcp://{hosts.host.here}:{STORE}", f"tcp://{hosts.host.here}:{CHECKER}", f"tcp://{hosts.host.there}:{CHECKER}"]


@pytest.mark.parametrize("program", [PYTHON, LIBENTITLED], ids=["python", "libentitled"])
def test_a_strange_key_is_refused_counted_and_written_down(hosts, deal, program):
    before = hosts.figures("1")["entitled_keys_refused_total"]
    [answer] = hosts.ask(program, question(deal), who="stranger", timeout_ms=2000)
    assert answer["error"] == "unavailable"
    assert hosts.figures("1")["entitled_keys_refused_total"] > before
    key = re.search(r'public-key = "(.*)"', (hosts.keys / "there/stranger.cert").read_text())[1]
    said = hosts["checker-1"].said()
    assert "a key that is not allowed was refused" in said and key in said
    assert f"from {hosts.host.there}" in said
    hosts.eventually(lambda: any(entry.get("event") == "refused" and key in entry.get("change", "")
                                 for entry in hosts.store.call("journal")["entries"]))


def test_a_key_that_is_withdrawn_makes_no_new_connection(hosts, deal):
    allowed = hosts.keys / "here/checker.allowed/application.cert"
    content = allowed.read_bytes()
    assert hosts.ask(PYTHON, question(deal))[0]["answer"]["allow"]
    allowed.unlink()
    try:
        assert hosts.ask(PYTHON, question(deal), timeout_ms=2000)[0]["error"] == "unavailable"
    finally:
        allowed.write_bytes(content)
    assert hosts.ask(PYTHON, question(deal))[0]["answer"]["allow"]


@pytest.mark.parametrize("program", [PYTHON, LIBENTITLED], ids=["python", "libentitled"])
def test_a_checker_with_another_key_is_not_believed(hosts, deal, program):
    [answer] = hosts.ask(program, question(deal), timeout_ms=2000, checker="checker")
    assert answer["error"] == "unavailable"


PLAIN = """
import sys, zmq
dealer = zmq.Context.instance().socket(zmq.DEALER)
dealer.linger = 0
monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
                                    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
dealer.connect(sys.argv[1])
dealer.send(bytes([0x94, 0, 1, 0xa4]) + b"ping" + bytes([0x90]))
assert monitor.poll(20000), "nothing happened"
print(int.from_bytes(monitor.recv_multipart()[0][:2], sys.byteorder) == zmq.EVENT_HANDSHAKE_SUCCEEDED,
      dealer.poll(200))
"""


@pytest.mark.parametrize("name, offset", [("store", 0), ("store", 1), ("1", 2), ("1", 3)])
def test_who_speaks_no_curve_is_refused_and_counted(hosts, name, offset):
    before = hosts.figures(name)["entitled_handshakes_failed_total"]
    done = subprocess.run([*hosts.host.enter, "/usr/bin/python3", "-c", PLAIN, f"tcp://{hosts.host.here}:{STORE + offset}"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "0"], done.stdout + done.stderr
    hosts.eventually(lambda: hosts.figures(name)["entitled_handshakes_failed_total"] > before)


def test_who_may_ask_a_checker_may_not_ask_the_store(hosts):
    """The lists are the processes' own."""
    before = hosts.figures("store")["entitled_keys_refused_total"]
    environment = {**os.environ, "ENTITLED_ENTITLED_CURVE_CERTIFICATE": str(hosts.keys / "there/application.cert")}
    done = subprocess.run([*hosts.host.enter, BIN / "entitlectl", "--config", hosts.config_there, "--timeout",
                           "2s", "list"], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2 and "does not allow our key" in done.stderr
    assert hosts.figures("store")["entitled_keys_refused_total"] > before


def test_the_store_goes_and_comes_back(hosts, deal):
    hosts["store"].stop()
    assert hosts.check(deal["license_arn"], "seats", 10, checker="2")["allow"]
    hosts.clients.pop("store").close()
    hosts["store"].start()
    changed = hosts.sandbox.buy(product=NEW, account="333344445555", dimensions={"seats": 7})
    hosts.eventually_answers(True, "entitled", changed["license_arn"], "seats", 7)
