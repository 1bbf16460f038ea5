"""entitlectl doctor: what it finds in a suite that is well, and in suites that are not."""
import http.server
import json
import os
import subprocess
import threading
import time

import pytest

from tests.support.clock import Clock
from tests.support.place import Place, aws_at, settings
from tests.support.process import BIN, SANITIZER_MARKS
from tests.support.sandbox import FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY
from tests.support.stand_in import StandIn
from tests.support.suite import BUYER, LEGACY, NEW, SELLER, Suite

LOOKS = {"store", "seller_account", "held_ends", "presence", "checker", "queue_reading", "queue_feed", "credentials",
         "region", "get_entitlements", "resolve_customer", "queue", "queue_policy", "dead_letter_queue",
         "clock"}
RETENTION_S = 14 * 86400


class OneChecker(Suite):
    checkers = ("1",)


class Findings:
    def __init__(self, code, report):
        self.code, self.report = code, report
        self.all = report["findings"]

    def of(self, look, subject=None):
        return [finding for finding in self.all
                if finding["look"] == look and subject in (None, finding.get("subject"))]

    def levels(self, look, subject=None):
        return [finding["level"] for finding in self.of(look, subject)]

    def bad(self):
        """Those that are neither well nor what every sandbox is warned of."""
        return {(finding["look"], finding.get("subject")): finding["level"] for finding in self.all
                if finding["level"] != "ok" and finding["look"] != "region"}

    def says(self, look, text, subject=None):
        return any(text in finding["text"] for finding in self.of(look, subject))


def look(config, *arguments, environment=None, json_too=True):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTITLED_"))}
    done = subprocess.run([BIN / "entitlectl", "--config", config, *(["--json"] if json_too else []),
                           *arguments, "doctor"],
                          capture_output=True, text=True, timeout=60,
                          env={**clean, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1",
                               "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "2",
                               **(environment or {})})
    assert not any(mark in done.stderr for mark in SANITIZER_MARKS), done.stderr
    assert done.stderr == ""
    return Findings(done.returncode, json.loads(done.stdout)) if json_too else (done.returncode, done.stdout)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes plain requests on, or says so, and lets nobody through."""

    asked, status = [], 200

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_CONNECT(self):
        self.asked.append(self.path)
        self.send_error(403)

    def log_message(self, *_):
        pass


def test_the_way_to_certificates_is_looked_at(tmp_path):
    config = tmp_path / "entitled.conf"
    config.write_text(settings({"entitled": {"run_directory": tmp_path},
                                "queue main": {"url": "http://127.0.0.1:1/444455556666/q"}}))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{proxy.server_port}"
        ways = {"HTTPS_PROXY": address, "HTTP_PROXY": address}
        found = look(config, "--timeout", "5s", environment=ways)
        asked = sorted(Proxy.asked)
        Proxy.status = 407
        refused = look(config, "--timeout", "5s", environment=ways)
        proxy.shutdown()
    assert found.levels("certificates", "Amazon Trust Services") == ["ok"]
    assert found.levels("certificates", "SNS") == ["wrong"] and found.says("certificates", "403", "SNS")
    assert refused.levels("certificates") == ["wrong", "wrong"]
    assert asked == ["http://crt.rootca1.amazontrust.com/rootca1.cer",
                     "sns.us-east-1.amazonaws.com:443"]


@pytest.fixture(scope="module")
def running():
    suite = OneChecker()
    try:
        suite.start()
        deals = [suite.sandbox.buy(product=product, account=BUYER, dimensions={"seats": 10})
                 for product in (NEW, LEGACY)]
        for handle in (deals[0]["license_arn"], deals[1]["customer_identifier"]):
            suite.eventually_answers(True, "entitled", handle, "seats", 10)
        suite.eventually(lambda: any(counter["name"] == 'entitled_receive_age_seconds{queue="main"}'
                                     for process in suite.store.call("stats").get("processes", [])
                                     for counter in process["counters"]))
        suite.policy = suite.sandbox.world()["queues"][1]["policy"]
        yield suite
    finally:
        suite.close()


@pytest.fixture
def suite(running):
    queue = {"retention_s": RETENTION_S, "policy": running.policy, "dead_letter": "mp-events-dlq",
             "max_receive_count": 10, "kms_key": ""}
    running.sandbox.faults_clear()
    running.sandbox.settings(queues={"mp-events": queue})
    return running


def with_settings(suite, *changes):
    """A copy of the settings with lines added below a section's head, or replaced."""
    text = suite.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = suite.directory / "doctor.conf"
    path.write_text(text)
    return path


def test_all_is_well_and_nothing_is_changed(suite):
    began, seq = suite.sandbox.log()["number"], suite.store.call("describe")["seq"]
    found = look(suite.config)
    assert (found.code, found.bad()) == (0, {}), found.report
    assert {finding["look"] for finding in found.all} == LOOKS
    assert found.report["counts"] == {"ok": len(found.all) - 2, "warning": 2, "unknown": 0, "wrong": 0}
    assert found.levels("checker") == ["ok"]
    # One call a product, and one of everything else.
    mine = [call for call in suite.sandbox.calls("GetEntitlements", since=began)
            if call["parameters"].get("MaxResults") == 1]
    assert {call["parameters"]["ProductCode"] for call in mine} == {NEW, LEGACY} and len(mine) == 2
    assert len(suite.sandbox.calls("ResolveCustomer", since=began)) == 1
    assert suite.store.call("describe")["seq"] == seq


def test_a_person_reads_one_line_for_each_finding(suite):
    suite.sandbox.settings(queues={"mp-events": {"policy": ""}})
    code, text = look(suite.config, json_too=False)
    assert code == 0
    lines = text.splitlines()
    assert all(line.split()[0] in ("ok", "warning") for line in lines)
    line, = [line for line in lines if "queue policy main" in line]
    assert line.startswith("warning") and "only the queue's own account" in line and "-> let its policy" in line


PERMISSIONS = {"credentials": "sts:GetCallerIdentity", "get_entitlements": "aws-marketplace:GetEntitlements",
               "resolve_customer": "aws-marketplace:ResolveCustomer", "queue": "sqs:GetQueueAttributes"}


def test_a_permission_that_is_missing_is_named_and_the_other_looks_are_made(suite):
    suite.sandbox.fault(operation="GetEntitlements", kind="deny", count=-1)
    found = look(suite.config)
    assert (found.code, found.bad()) == (1, {("get_entitlements", "new"): "wrong",
                                             ("get_entitlements", "legacy"): "wrong"})
    for name in PERMISSIONS.values():
        suite.sandbox.fault(operation=name.partition(":")[2], kind="deny", count=-1)
    found = look(suite.config)
    assert found.code == 1 and {name for name, _ in found.bad()} == set(PERMISSIONS)
    assert {finding["look"] for finding in found.all} == LOOKS - {"queue_policy", "dead_letter_queue"}
    for name, permission in PERMISSIONS.items():
        for finding in found.of(name):
            assert finding["level"] == "wrong" and "AccessDenied" in finding["text"], finding
            assert permission in finding["advice"], finding


def test_what_aws_cannot_answer_now_is_not_known(suite):
    suite.sandbox.fault(operation="GetEntitlements", kind="throttle")
    suite.sandbox.fault(operation="GetEntitlements", kind="error500")
    found = look(suite.config)
    assert (found.code, found.bad()) == (2, {("get_entitlements", "new"): "unknown",
                                             ("get_entitlements", "legacy"): "unknown"})


def test_answers_that_never_come_end_their_looks_only(suite):
    for operation, kind in (("GetEntitlements", "hang"), ("GetCallerIdentity", "hang"),
                            ("GetQueueAttributes", "truncate")):
        suite.sandbox.fault(operation=operation, kind=kind, count=-1)
    found = look(suite.config, "--timeout", "1s")
    assert found.code == 1 and {name for name, _ in found.bad()} == {"get_entitlements", "credentials", "queue"}
    assert {level for _, level in found.bad().items()} == {"wrong"}
    assert found.says("credentials", "no answer within 1.0 s") and found.says("queue", "does not answer")
    assert found.levels("resolve_customer") == ["ok"]


def test_credentials_of_another_account(suite):
    config = with_settings(suite, (suite.sandbox.access_key_id, FOREIGN_ACCESS_KEY),
                           (suite.sandbox.secret_access_key, FOREIGN_SECRET_KEY))
    found = look(config)
    assert found.code == 1
    assert found.levels("credentials", "checker") == found.levels("credentials", "registrar") == ["wrong"]
    assert found.says("credentials", f"not the seller account {SELLER}", "checker")
    assert found.levels("get_entitlements") == ["warning", "warning"]
    assert found.says("get_entitlements", "lists no customer")
    assert found.levels("queue") == ["wrong"] and found.says("queue", "no such queue")
    # The daemons that run have others.
    assert found.levels("checker") == ["ok"]


def test_each_daemon_has_the_role_that_the_settings_give_it(suite):
    config = with_settings(suite, ("[registrar]\n", "[registrar]\nrole_arn = arn:aws:iam::777788889999:role/wrong\n"),
                           ("[poller]\n", f"[poller]\nrole_arn = arn:aws:iam::{SELLER}:role/poller\n"))
    found = look(config)
    assert (found.code, found.bad()) == (1, {("credentials", "registrar"): "wrong"})
    assert found.says("credentials", "assumed-role/wrong/", "registrar")
    assert found.says("credentials", "assumed-role/poller/", "poller")


def test_the_settings_and_the_store_disagree_about_the_seller(suite):
    found = look(with_settings(suite, ("[aws]\n", "[aws]\nseller_account = 777788889999\n")))
    assert (found.code, found.bad()) == (1, {("seller_account", None): "wrong"})


def test_a_product_that_is_not_ours(suite):
    found = look(with_settings(suite, ("[product new]", "[product typed]\ncode = mistyped\n[product new]")))
    assert (found.code, found.bad()) == (1, {("get_entitlements", "typed"): "wrong"})
    assert found.says("get_entitlements", "does not know product code mistyped")


def test_no_credentials_or_half_of_them(suite):
    lines = [(f"access_key_id = {suite.sandbox.access_key_id}\n", ""),
             (f"secret_access_key = {suite.sandbox.secret_access_key}\n", "")]
    nowhere = {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    found = look(with_settings(suite, *lines), environment=nowhere)
    assert found.code == 1 and found.levels("credentials") == 3 * ["wrong"]
    assert found.says("credentials", "there are no AWS credentials")
    assert found.levels("store") == ["ok"]
    found = look(with_settings(suite, lines[1]), environment=nowhere)
    assert found.code == 1 and "wrong" in found.levels("credentials") and found.levels("store") == ["ok"]


def test_aws_cannot_be_reached(suite):
    found = look(with_settings(suite, *[(f"endpoint_{name} = {suite.sandbox.url}", f"endpoint_{name} = http://127.0.0.1:9")
                                        for name in ("metering", "entitlement", "sqs", "sts")]))
    assert found.code == 1
    for name in ("credentials", "get_entitlements", "resolve_customer", "queue"):
        assert set(found.levels(name)) == {"wrong"} and found.says(name, "does not answer"), found.of(name)
    assert found.levels("clock") == ["unknown"] and found.levels("store") == ["ok"]


@pytest.mark.parametrize("policy, said", [
    ("{", "cannot be read"),
    ('{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}}', "anybody may send"),
])
def test_a_policy_that_is_not_sound(suite, policy, said):
    suite.sandbox.settings(queues={"mp-events": {"policy": policy}})
    found = look(suite.config)
    assert (found.code, found.bad()) == (0, {("queue_policy", "main"): "warning"})
    assert found.says("queue_policy", said)


def test_a_topic_of_the_settings_that_may_not_send(suite):
    topics = [f"arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-{LEGACY}",
              "arn:aws:sns:us-east-1:111111111111:aws-mp-other"]
    found = look(with_settings(suite, ("[queue main]\n", f"[queue main]\ntopic_arns = {' '.join(topics)}\n")))
    assert found.bad() == {("queue_policy", "main"): "warning"} and found.says("queue_policy", topics[1])


def test_a_queue_of_another_region(suite):
    found = look(with_settings(suite, ("[queue main]\n", "[queue main]\nregion = eu-west-1\n")))
    assert found.code == 1 and "wrong" in found.levels("queue")
    assert found.says("queue", "valid region") and found.says("queue", "events are in us-east-1")
    found = look(with_settings(suite, (f"url = {suite.sandbox.url}", "region = us-east-1\n"
                                       "url = https://sqs.eu-west-1.amazonaws.com"),
                               ("local_certificates = yes\n", "")))
    assert found.code == 1 and found.says("queue", "its url says eu-west-1, and calls are signed for us-east-1")


def test_a_queue_that_is_not_there(suite):
    found = look(with_settings(suite, (f"{SELLER}/mp-events", f"{SELLER}/gone")))
    assert (found.code, found.bad()) == (1, {("queue", "main"): "wrong"})


def test_dead_letters_and_where_they_go(suite):
    suite.sandbox.settings(queues={"mp-events": {"max_receive_count": 3, "retention_s": 4 * 86400}})
    suite.sandbox.send_event(body="poison", queue="mp-events-dlq")
    found = look(suite.config)
    assert found.code == 0 and found.levels("dead_letter_queue") == ["warning", "warning"]
    assert found.says("dead_letter_queue", "after 3 receives") and found.says("dead_letter_queue", "1 messages lie")
    assert found.says("queue", "keeps messages for 4 days only")
    suite.sandbox.settings(queues={"mp-events": {"dead_letter": "", "kms_key": "alias/aws/sqs"}})
    found = look(suite.config)
    assert found.levels("dead_letter_queue") == ["warning"] and found.says("dead_letter_queue", "there is no dead-letter queue")
    assert found.says("queue", "neither SNS nor EventBridge may use")


@pytest.mark.parametrize("ahead_s, code, level", [(60, 0, "warning"), (-400, 1, "wrong")])
def test_a_clock_that_is_wrong(suite, ahead_s, code, level):
    clock = Clock(suite.directory)
    clock.ahead_by(ahead_s)
    found = look(suite.config, environment=clock.environment())
    assert (found.code, found.levels("clock")) == (code, [level]), found.report
    assert found.says("clock", "ahead of" if ahead_s > 0 else "behind")
    # AWS's own time is signed with: the other looks are made all the same.
    assert found.levels("get_entitlements") == ["ok", "ok"] and found.levels("resolve_customer") == ["ok"]


def test_a_store_that_is_away_keeps_nothing_from_being_looked_at(suite):
    suite["store"].stop()
    try:
        found = look(suite.config, "--timeout", "1s")
    finally:
        suite["store"].start()
        suite.eventually(suite.all_ready)
    assert found.code == 1 and found.levels("store") == ["wrong"] and found.says("store", "does not answer")
    assert found.levels("seller_account") == ["warning"]
    for name in ("credentials", "get_entitlements", "resolve_customer", "queue", "clock"):
        assert set(found.levels(name)) == {"ok"}, name


# Daemons that the test plays; AWS is away.

class Desk(Place):
    def __init__(self):
        super().__init__()
        self.write_settings(aws_at("http://127.0.0.1:9", "A", "s"),
                            {"queue main": {"url": "http://127.0.0.1:9/1/q"}, "product new": {"code": NEW}})
        self.daemons = []
        self.store = {"describe": lambda: about("store", peers=[{"daemon": "entitled-checker", "name": "1", "host": "h"}]),
                      "stats": lambda: {"counters": [{"name": "entitled_ends_held", "value": 0}],
                                    "processes": [poller(queue_paused=0, receive_age_seconds=2)]},
                      "seller": lambda: {"account": SELLER}, "quota": lambda *_: {},
                      "notifications": lambda *_: {"notifications": [
                          {"id": "1", "queue": "main", "type": "License Updated", "received_at": int(time.time())}]}}
        self.checker = {"describe": lambda: about("checker"),
                        "stats": lambda: {"counters": [{"name": "entitled_store_heard_age_seconds", "value": 0.1}]}}

    def look(self):
        version = subprocess.run([BIN / "entitlectl", "--version"], capture_output=True, text=True).stdout.split()[1]
        about.version = version
        self.daemons = [StandIn(self.socket("store.rpc"), **self.store),
                        StandIn(self.socket("checker-1.query"), **self.checker)]
        return look(self.config, "--timeout", "2s")

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        self.remove()


def about(daemon, ready=True, incarnation="i", version=None, **more):
    return {"daemon": f"entitled-{daemon}", "version": version or about.version, "instance": "1", "protocol_major": 1,
            "protocol_minor": 0, "ready": ready, "incarnation": incarnation, "seq": 7, **more}


def poller(label="main", **figures):
    return {"daemon": "entitled-poller", "name": "1", "host": "h",
            "counters": [{"name": f'entitled_{name}{{queue="{label}"}}', "value": value} for name, value in figures.items()]}


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.close()


def test_daemons_that_are_well(desk):
    found = desk.look()
    for name in ("store", "seller_account", "held_ends", "presence", "checker", "queue_reading", "queue_feed"):
        assert found.levels(name) == ["ok"], found.report


def test_ends_that_wait_to_be_decided_are_found(desk):
    told = desk.store["stats"]()
    desk.store["stats"] = lambda: {**told, "counters": [{"name": "entitled_ends_held", "value": 8}]}
    found = desk.look()
    [finding] = found.of("held_ends")
    assert found.code == 1 and finding["level"] == "wrong"
    assert ": 8;" in finding["text"] and "entitlectl held" in finding["advice"]


@pytest.mark.parametrize("answers, wanted", [
    ({("store", "describe"): lambda: about("store", version="0.0.1"), ("store", "seller"): lambda: {},
      ("store", "stats"): lambda: {"counters": [], "processes": [poller("other", queue_paused=0)]},
      ("store", "notifications"): lambda *_: {"notifications": [{"queue": "other"}]},
      ("checker", "describe"): lambda: about("checker", ready=False)},
     [("store", "warning", "runs version 0.0.1"), ("presence", "wrong", "no checker"),
      ("seller_account", "warning", "not known"), ("queue_reading", "wrong", "no poller reads it"),
      ("queue_feed", "warning", "none"), ("checker", "wrong", "not ready")]),
    ({("store", "stats"): lambda: {"counters": [], "processes": [poller(queue_paused=1, receive_age_seconds=9)]},
      ("checker", "describe"): lambda: about("checker", incarnation="j", version="9.9"),
      ("checker", "stats"): lambda: {"counters": [], "aws_account": "777788889999"}},
     [("queue_reading", "wrong", "paused"), ("checker", "wrong", "another state (j)"),
      ("checker", "warning", "runs version 9.9"), ("checker", "wrong", "not the seller account")]),
    ({("store", "stats"): lambda: {"counters": [], "processes": [poller(queue_paused=0)]},
      ("checker", "stats"): lambda: {"counters": []}},
     [("queue_reading", "warning", "yet"), ("checker", "wrong", "never heard")]),
    ({("store", "stats"): lambda: {"counters": [], "processes": [poller(queue_paused=0, receive_age_seconds=1200)]},
      ("checker", "stats"): lambda: {"counters": [{"name": "entitled_store_heard_age_seconds", "value": 60}]}},
     [("queue_reading", "wrong", "20 minutes ago"), ("checker", "wrong", "60 s ago")]),
])
def test_daemons_that_are_not(desk, answers, wanted):
    for (daemon, method), answer in answers.items():
        getattr(desk, daemon)[method] = answer
    found = desk.look()
    assert found.code == 1
    for name, level, said in wanted:
        assert any(finding["level"] == level and said in finding["text"] for finding in found.of(name)), \
            (name, found.of(name))


def test_a_socket_that_nobody_answers_is_named(desk):
    (desk.run / "public" / "checker-2.query").touch()
    found = desk.look()
    assert found.levels("checker", "checker-1") == ["ok"] and found.levels("checker", "checker-2") == ["wrong"]
