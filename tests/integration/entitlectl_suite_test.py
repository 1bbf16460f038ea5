"""entitlectl beside the real daemons: a customer followed, messages sent again, changes watched."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.support.desk import words
from tests.support.process import BIN
from tests.support.rpc import RpcError
from tests.support.sandbox import ACCESS_KEY, SECRET_KEY, SELLER, Sandbox
from tests.support.suite import BUYER, NEW

ROOT = pathlib.Path(__file__).resolve().parents[2]


def shown_figures(suite, process, wanted):
    """As a process that answers nobody last told the store; None until the wanted one is above 0."""
    processes = {each["process"].partition("@")[0]: each["counters"]
                 for each in suite.entitlectl_json("stats")["processes"]}
    assert {"store", "checker-1", "checker-2"} <= processes.keys()
    figures = processes.get(process, {})
    return figures if figures.get(wanted) else None


def of_main(figure):
    return f'entitled_{figure}{{queue="main"}}'


def declared(*processes):
    """The names of the figures that such processes tell, as they are declared."""
    text = (ROOT / "proto/figures/figures.def").read_text()
    groups = {group for group, shown_by in re.findall(r'^FIGURES\((\w+), "([^"]+)"', text, re.M)
              if set(shown_by.split(", ")) & set(processes)}
    return {name for group, name in re.findall(r"^FIGURE\((\w+), (\w+),", text, re.M) if group in groups}


def kept(suite, **wanted):
    """The messages that the store has, the oldest first."""
    rows = suite.entitlectl_json("notifications", "--limit", "1000")["notifications"]
    return [row for row in reversed(rows) if wanted.items() <= row.items()]


def test_an_operator_follows_a_customer_through_the_real_daemons(suite):
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    assert suite.register(deal["token"]).status == 200
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)

    code, output, _ = suite.entitlectl("link", deal["license_arn"], "acme")
    assert code == 0 and output.endswith("is tenant 'acme'\n")
    suite.eventually_answers(True, "entitled", "acme", "seats", 10)
    assert suite.entitlectl("check", "acme", "seats", 11)[0] == 1
    code, output, _ = suite.entitlectl("explain", "acme", "seats", 10)
    assert code == 0 and "Granted is 10." in words(output) and "AWS listed seats = 10" \
        in words(output)

    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    shown = suite.entitlectl_json("refresh", "acme")["subscriptions"][0]
    assert shown["state"] == "active"
    assert shown["entitlements"][0]["value"] == 25
    assert [item["subscription"]["tenant"] for item in suite.entitlectl_json("list")
            ["subscriptions"]] == ["acme"]

    causes = {entry["cause"] for entry in suite.entitlectl_json("journal", "acme")["entries"]}
    assert {"registration", "refresh", "operator"} <= causes
    suite.eventually(lambda: {"License Updated - Manufacturer"} <= {
        message["type"] for message in
        suite.entitlectl_json("notifications", "acme")["notifications"]})
    figures = suite.eventually(lambda: shown_figures(suite, "poller-1", of_main("messages_deleted_total")))
    assert figures[of_main("messages_received_total")] >= figures[of_main("messages_deleted_total")] > 0
    assert figures[of_main("messages_refused_total")] == figures[of_main("queue_paused")] == 0
    assert figures[of_main("receive_age_seconds")] < 60
    figures = suite.eventually(lambda: shown_figures(suite, "registrar-1", "entitled_http_requests_total"))
    assert figures["entitled_http_requests_refused_total"] == figures["entitled_redemptions"] == 0

    assert suite.entitlectl("override", "set", "acme", "deny", "--dimension", "seats",
                            "--reason", "unpaid")[0] == 0
    suite.eventually_answers(False, "override", "acme", "seats", 1)
    assert "because 'unpaid'" in words(suite.entitlectl("explain", "acme", "seats")[1])
    for override in suite.entitlectl_json("override", "list")["overrides"]:
        assert suite.entitlectl("override", "remove", override["id"])[0] == 0
    suite.eventually_answers(True, "entitled", "acme", "seats", 25)


def test_nothing_has_failed_in_a_suite_that_is_well(suite):
    deal = suite.sandbox.buy(product=NEW, account="777700000002", dimensions={"seats": 3})
    assert suite.register(deal["token"]).status == 200
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 3)
    with pytest.raises(RpcError):
        suite.store.call("contact_get", "nobody")
    counters = {process["process"]: process["counters"] for process in suite.entitlectl_json("stats")["processes"]}
    answering = [counters[name] for name in ("store", "checker-1", "checker-2")]
    assert [each["entitled_requests_failed_total"] for each in answering] == [0, 0, 0]
    assert answering[0]["entitled_requests_declined_total"] > 0


@pytest.mark.parametrize("process", ["store", "checker-1", "poller-1", "registrar-1"])
def test_every_figure_is_told(suite, process):
    def told():
        processes = {each["process"].partition("@")[0]: each["counters"]
                     for each in suite.entitlectl_json("stats")["processes"]}
        return {name.partition("{")[0] for name in processes.get(process, ())}

    names = declared(process.partition("-")[0])
    assert len(names) > 5
    suite.eventually(lambda: told() == names)


def test_a_message_that_was_kept_is_sent_again_and_acted_on_again(suite):
    deal = suite.sandbox.buy(product=NEW, account="777700000001", dimensions={"seats": 3})
    first, = suite.eventually(lambda: kept(suite, type="License Updated - Manufacturer",
                                           account_id="777700000001"))
    before = len(suite.entitlectl_json("journal", "--limit", "1000")["entries"])
    code, output, errors = suite.entitlectl("replay", first["id"])
    assert (code, errors) == (0, "") and first["id"] in output and "main" in output
    again = suite.eventually(lambda: kept(suite, event_id=first["event_id"])[1:])
    assert again[0]["outcome"] == "duplicate" and again[0]["subscriptions"] == first["subscriptions"]
    entries = suite.entitlectl_json("journal", "--limit", "1000")["entries"]
    said, = [entry for entry in entries[:len(entries) - before] if entry.get("event") == "operator"]
    assert said["change"].endswith(f"sent to the queue again: {first['id']}") and said["author"]
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 3)


def test_what_was_not_understood_is_sent_again_the_oldest_first(suite):
    def not_understood(count):
        rows = kept(suite, outcome="not_understood")
        return rows[-count:] if len(rows) == known + count else None

    known = len(kept(suite, outcome="not_understood"))
    for body in ("gibberish one", "gibberish two"):
        suite.sandbox.send_event(body=body)
    came = suite.eventually(lambda: not_understood(2))
    sent = suite.entitlectl_json("replay", "not-understood", "--yes", "--limit", "2")["sent"]
    assert [each["id"] for each in sent] == [row["id"] for row in came]
    assert all(each["queue"] == "main" for each in sent)
    again = suite.eventually(lambda: not_understood(4))[2:]
    assert {row["message_id"] for row in again} == {each["message_id"] for each in sent}


def test_events_of_other_listings_are_sent_again_only_if_they_are_named(suite):
    for number in range(2):
        suite.sandbox.send_event(body={
            "version": "0", "id": f"of-an-image-{number}", "account": SELLER,
            "source": "aws.agreement-marketplace", "detail-type": "License Updated - Manufacturer",
            "detail": {"product": {"code": "an-image"}, "license": {"arn": f"l-an-image-{number}"}}})
    came = suite.eventually(lambda: (lambda rows: rows if len(rows) == 2 else None)(
        kept(suite, outcome="not_ours")))
    code, output, errors = suite.entitlectl("replay", "not-understood", "--dry-run")
    assert code == 0 and not any(row["id"] in output + errors for row in came)
    sent = suite.entitlectl_json("replay", "not-ours", "--yes")["sent"]
    assert [each["id"] for each in sent] == [row["id"] for row in came]


@pytest.mark.parametrize("content_based", [False, True])
def test_a_message_of_a_fifo_queue_is_sent_again_as_another_one(desk, content_based, tmp_path):
    with Sandbox(tmp_path) as plain:
        world = plain.world()
    world["queues"].append({"name": "ordered.fifo", "account": SELLER, "messages": [],
                            "content_based_deduplication": content_based})
    message = {"id": "n-1", "queue": "main", "outcome": "not_understood", "body": b"gibberish"}
    desk.store(notification=lambda id: {"notification": message}, record_event=lambda *_: {})
    with Sandbox(tmp_path, world=world) as sandbox:
        desk.config.write_text(f"{desk.config.read_text()}[aws]\naccess_key_id = {ACCESS_KEY}\n"
                               f"secret_access_key = {SECRET_KEY}\n[queue main]\n"
                               f"url = {sandbox.url}/{SELLER}/ordered.fifo\n")
        for _ in range(2):
            code, _, errors = desk.ctl("replay", "n-1")
            assert code == 0, errors
        assert sandbox.messages("ordered.fifo") == ["gibberish"] * 2


def test_what_cannot_be_sent_again_says_why(suite):
    code, output, errors = suite.entitlectl("replay", "n-00000000ffffffff")
    assert code == 1 and "there is no message" in errors and output == ""
    assert suite.entitlectl("replay", "nonsense")[0] == 1
    suite.sandbox.send_event(body="gibberish")
    message = suite.eventually(lambda: kept(suite))[0]
    suite.sandbox.fault(operation="SendMessage", kind="throttle", count=-1)
    code, output, errors = suite.entitlectl("replay", message["id"])
    suite.sandbox.faults_clear()
    assert code == 2 and message["id"] in errors and "SQS refuses it" in errors and output == ""


class Watcher:
    """`entitlectl watch`, while it runs."""

    def __init__(self, suite, *arguments):
        self.popen = subprocess.Popen(
            [BIN / "entitlectl", "--config", suite.config, "--json", "watch", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1"})
        self.from_commit = int(re.search(r"from commit (\d+) on", self.popen.stderr.readline())[1])

    def end(self):
        """Of one that was limited."""
        output, errors = self.popen.communicate(timeout=60)
        assert self.popen.returncode == 0, errors
        return [json.loads(line) for line in output.splitlines()]


def test_watch_shows_changes_as_they_come_each_once_and_in_order(suite):
    # What AWS lists would be changes too.
    suite.sandbox.fault(operation="GetEntitlements", kind="hang", count=-1)
    everybody = Watcher(suite, "--limit", "6")
    somebody = Watcher(suite, "watched-2", "--limit", "1")
    ids = [suite.store.call("register", NEW, account_id=account)["subscription"]["id"]
           for account in ("999900000001", "999900000002")]
    overridden = Watcher(suite, "999900000001", "--limit", "3")
    assert suite.entitlectl("link", ids[0], "watched-1")[0] == 0
    assert suite.entitlectl("link", ids[1], "watched-2")[0] == 0
    assert suite.entitlectl("override", "set", "watched-1", "allow", "--for", "1s")[0] == 0
    assert suite.entitlectl("link", ids[0], "")[0] == 0
    entries = everybody.end()
    places = [(entry["seq"], entry.get("index", 0)) for entry in entries]
    assert len(entries) == 6 and places == sorted(set(places)) and places[0][0] >= everybody.from_commit
    assert {entry.get("subscription") for entry in entries} >= set(ids)
    assert [entry["subscription"] for entry in somebody.end()] == [ids[1]]
    assert [entry.get("event") for entry in overridden.end()] == [None, "override", None]


def test_watch_goes_on_over_a_restart_of_the_store(suite):
    watcher = Watcher(suite, "--limit", "1")
    suite["store"].stop()
    suite["store"].start()
    assert suite.entitlectl("override", "set", "acme", "allow", "--for", "1s", "--yes")[0] == 0
    [entry] = watcher.end()
    assert entry["event"] == "override"


def test_watch_without_a_store_says_so(desk):
    code, output, errors = desk.ctl("watch")
    assert code == 2 and output == "" and "entitled-store does not answer" in errors
