"""What entitlectl prints and how it ends, with daemons that the test plays."""
import json
import os
import pathlib
import pty
import shutil
import subprocess
import re
import tempfile
import time

import pytest

from tests.support.process import BIN, SANITIZER_MARKS
from tests.support.rpc import RpcError
from tests.support.sandbox import ACCESS_KEY, SECRET_KEY, SELLER, Sandbox
from tests.support.stand_in import Refusal, StandIn
from tests.support.suite import BUYER, NEW

NOW = int(time.time())
LICENSE = "arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
RECORD = {
    "id": "s1", "version": 3, "seq": 7, "product_code": "4exampleproductcode0000001",
    "account_id": "111122223333", "license_arn": LICENSE,
    "license_key": "l-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "agreement_id": "agmt-1",
    "tenant": "acme", "registered_at": NOW - 3600, "verified_at": NOW - 180,
    "created_at": NOW - 3600, "updated_at": NOW - 180,
    "entitlements": [{"dimension": "seats", "value": 10, "expires_at": NOW + 864000}],
}
HOLDING = {"subscription": RECORD, "state": "active",
           "entitlements": [{"dimension": "seats", "value": 10, "expires_at": NOW + 864000,
                             "counts": "yes"}]}
ANSWER = {"allow": True, "reason": "entitled", "granted": 10, "expires_at": NOW + 864000,
          "verified_at": NOW - 180, "subscription": "s1", "combined": 1}
DUE = {"class": "expiry", "reason": "its date", "not_before": NOW + 864000}


def find(handle, options=None):
    if handle not in ("acme", "s1", LICENSE):
        raise Refusal("not_found", "nobody is known as that", retryable=False)
    return {"subscriptions": [RECORD]}


class Desk:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="entitled-"))
        self.run = self.directory / "run"
        for name in ("public", "private"):
            (self.run / name).mkdir(parents=True)
        self.config = self.directory / "entitled.conf"
        self.config.write_text(f"[entitled]\nrun_directory = {self.run}\n"
                               "[product example]\ncode = 4exampleproductcode0000001\n"
                               "[registrar]\nsign_up_secret = not-to-be-shown\n")
        self.daemons = []

    def store(self, **handlers):
        self.daemons.append(StandIn(f"ipc://{self.run}/private/store.rpc",
                                    **{"find": find, "due": lambda subscription: DUE, **handlers}))
        return self.daemons[-1]

    def checker(self, **handlers):
        self.daemons.append(StandIn(f"ipc://{self.run}/public/checker-1.query", **handlers))
        return self.daemons[-1]

    def ctl(self, *arguments):
        environment = {**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1"}
        done = subprocess.run([BIN / "entitlectl", "--config", self.config, "--timeout", "3s",
                               *map(str, arguments)],
                              capture_output=True, text=True, env=environment, timeout=60)
        assert not any(mark in done.stderr for mark in SANITIZER_MARKS), done.stderr
        return done.returncode, done.stdout, done.stderr

    def terminal(self, answer, *arguments):
        """Somebody at a terminal runs it and types the answer; the exit code and all that was shown."""
        ours, theirs = pty.openpty()
        try:
            with subprocess.Popen([BIN / "entitlectl", "--config", self.config, "--timeout", "3s",
                                   *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs) as running:
                os.write(ours, f"{answer}\n".encode())
                code = running.wait(60)
            shown = os.read(ours, 65536).decode()
        finally:
            os.close(ours)
            os.close(theirs)
        assert not any(mark in shown for mark in SANITIZER_MARKS), shown
        return code, shown

    def json(self, *arguments, code=0):
        ended, output, errors = self.ctl("--json", *arguments)
        assert ended == code, errors
        return json.loads(output)

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        shutil.rmtree(self.directory)


@pytest.fixture
def desk():
    made = Desk()
    try:
        yield made
    finally:
        made.close()


def words(text):
    """Without the line breaks and the alignment."""
    return " ".join(text.split())


def test_check_says_yes_or_no_and_ends_so(desk):
    checker = desk.checker(check=lambda handle, dimension, quantity=1, options=None: {
        **ANSWER, "allow": quantity <= 10,
        "reason": "entitled" if quantity <= 10 else "insufficient_quantity"})
    code, output, errors = desk.ctl("check", "acme", "seats", 10)
    assert (code, errors) == (0, "")
    assert "allowed yes" in words(output) and "granted 10" in words(output)
    code, output, _ = desk.ctl("check", "acme", "seats", 11)
    assert code == 1 and "reason insufficient_quantity" in words(output)
    assert desk.json("check", "acme", "seats")["granted"] == 10
    assert desk.json("check", "acme", "seats", 11, code=1)["allow"] is False
    desk.ctl("check", "acme", "seats", "2.5", "--product", "example", "--license", LICENSE,
             "--max-age", "2s")
    assert checker.asked[-1] == ("check", ["acme", "seats", 2.5, {
        "product": "4exampleproductcode0000001", "license": LICENSE, "max_age_ms": 2000}])


def test_explain_is_one_readable_paragraph(desk):
    desk.checker(check=lambda *question: ANSWER,
                 entitlements=lambda *whose: {"holdings": [HOLDING]})
    desk.store()
    code, output, errors = desk.ctl("explain", "acme", "seats", 10)
    assert (code, errors) == (0, "")
    assert max(map(len, output.splitlines())) <= 80
    assert re.search(r"\(\d+ minutes ago\) AWS listed", words(output))
    for part in ("Yes: 'acme' may use 10 of 'seats' (entitled).", "What would change it:", "AWS is asked next on"):
        assert part in words(output)
    told = desk.json("explain", "acme", "seats", 10)
    assert told["answer"]["allow"] and told["due"][0]["class"] == "expiry"


def test_explain_goes_without_the_store(desk):
    desk.checker(check=lambda *question: ANSWER,
                 entitlements=lambda *whose: {"holdings": [HOLDING]})
    code, output, errors = desk.ctl("explain", "acme", "seats", 10)
    assert (code, errors) == (0, "")
    assert "The store does not say" in words(output)


def test_list_is_a_table_with_a_header_line(desk):
    others = [{**RECORD, "id": f"s{i}", "tenant": f"t{i}", "entitlements": []} for i in (2, 3)]

    def listed(after="", limit=100, *options):
        return {"subscriptions": [RECORD, others[0]], "next": "s2"} if not after \
            else {"subscriptions": others[1:]}

    desk.store(list=listed)
    code, output, errors = desk.ctl("list")
    header, *rows = output.splitlines()
    assert (code, errors) == (0, "")
    assert header.split()[:4] == ["ID", "PRODUCT", "STATE", "TENANT"]
    assert [row.split()[:4] for row in rows] == [["s1", "example", "active", "acme"],
                                                 ["s2", "example", "pending", "t2"],
                                                 ["s3", "example", "pending", "t3"]]
    assert "seats=10" in rows[0]
    found = desk.json("list", "--state", "pending", "--limit", 1)["subscriptions"]
    assert [item["subscription"]["id"] for item in found] == ["s2"]
    assert desk.ctl("list", "--state", "bogus")[0] == 2


def test_show_tells_all_and_the_contact_only_when_asked(desk):
    store = desk.store(contact_get=lambda subscription: {
        "fields": [{"name": "email", "value": "ann@buyer.example"}]})
    code, output, errors = desk.ctl("show", "acme")
    assert (code, errors) == (0, "")
    for part in (LICENSE, "tenant acme", "state active", "agreement agmt-1", "due for expiry",
                 "seats 10 yes"):
        assert part in words(output)
    assert "ann@buyer.example" not in output
    assert not any(method == "contact_get" for method, _ in store.asked)
    assert "contact email ann@buyer.example" in words(desk.ctl("show", "acme", "--contact")[1])
    shown = desk.json("show", "acme", "--contact")["subscriptions"][0]
    assert shown["state"] == "active" and shown["subscription"]["license_arn"] == LICENSE
    assert shown["contact"]["fields"][0]["value"] == "ann@buyer.example"


def test_what_is_not_there_yet_is_shown_as_such(desk):
    bare = {"id": "s2", "version": 1, "seq": 1, "product_code": "p", "account_id": "111122223333"}
    desk.store(find=lambda *params: {"subscriptions": [bare, bare]}, due=lambda subscription: {},
               contact_get=lambda subscription: {"fields": []})
    code, output, errors = desk.ctl("show", "111122223333", "--contact")
    assert (code, errors) == (0, "")
    first, second = output.split("\n\n")
    assert first == second.rstrip("\n")
    for part in ("state pending", "verified never", "due for nothing planned", "contact none"):
        assert part in words(first)


def test_who_is_not_known_is_not_found(desk):
    desk.store()
    code, output, errors = desk.ctl("show", "nobody")
    assert code == 1 and output == ""
    assert errors.startswith("entitlectl: ") and errors.count("\n") == 1
    assert desk.json("show", "nobody", code=1)["error"]["code"] == "not_found"


@pytest.mark.parametrize("arguments", [("shwo", "acme"), ("show",), ("show", "acme", "--prodct", "x"), ("show", "acme"),
                                       ("settings", "nothing"), ("list", "--state", "bogus")])
def test_in_json_every_failure_is_a_document(desk, arguments):
    """The store is away here, too."""
    for order in (("--json", *arguments), (*arguments, "--json")):
        code, output, errors = desk.ctl(*order)
        told = json.loads(output)["error"]
        assert code == 2 and errors == f"entitlectl: {told['message']}\n"
        assert told["code"] == ("unavailable" if arguments == ("show", "acme") else "local")
    desk.config.write_text("[entitled]\nrun_directroy = x\n")
    assert desk.json(*arguments, code=2)["error"]["code"] == "local"


def test_link_names_its_author(desk):
    store = desk.store(link=lambda handle, tenant, options=None: {
        "subscription": {**RECORD, "tenant": tenant}})
    code, output, _ = desk.ctl("link", LICENSE, "tenant-9")
    assert (code, output) == (0, "s1 is tenant 'tenant-9'\n")
    assert desk.ctl("link", LICENSE, "")[1] == "s1 has no tenant any more\n"
    assert desk.json("link", LICENSE, "x")["subscription"]["tenant"] == "x"
    options = store.asked[-1][1][-1]
    assert options["cause"] == "operator" and options["author"]


def test_a_contact_is_erased_by_name_of_who_did_it(desk):
    store = desk.store(contact_put=lambda subscription, fields, options=None: {})
    assert desk.ctl("contact", "erase", "acme") == (0, "the contact of s1 is erased\n", "")
    method, [subscription, fields, options] = store.asked[-1]
    assert (method, subscription, fields) == ("contact_put", "s1", []) and options["author"]
    assert desk.json("contact", "erase", "acme") == {"erased": ["s1"]}
    assert desk.ctl("contact", "erase", "nobody")[0] == 1
    code, _, errors = desk.ctl("contact", "show", "acme")
    assert code == 2 and "contact erase HANDLE" in errors


def test_signing_keys_are_listed_without_their_secrets_and_renewed(desk):
    keys = [{"id": "2", "secret": b"not-to-be-shown", "created_at": NOW},
            {"id": "1", "secret": b"not-to-be-shown", "created_at": NOW - 86400}]
    store = desk.store(signing_keys=lambda: {"keys": keys},
                       signing_key_make=lambda options: {"id": "3", "revoked": 2 * options.get("revoke", False)})
    code, output, _ = desk.ctl("signing-keys")
    assert code == 0 and [row.split()[0] for row in output.splitlines()] == ["ID", "2", "1"]
    listed = desk.json("signing-keys", "list")["keys"]
    assert listed == [{"id": "2", "created_at": NOW}, {"id": "1", "created_at": NOW - 86400}]
    code, output, _ = desk.ctl("signing-keys", "renew")
    assert code == 0 and "key 3 is made; 0 are revoked" in output
    assert desk.json("signing-keys", "renew", "--revoke", "--yes") == {"id": "3", "revoked": 2}
    assert store.asked[-1][1][-1]["author"]
    assert desk.ctl("signing-keys", "forget")[0] == 2


def test_refresh_waits_and_shows(desk):
    store = desk.store(mark=lambda *params: {"ticket": 5, "subscriptions": ["s1"]},
                       wait=lambda subscription, ticket: {"subscription": RECORD})
    code, output, errors = desk.ctl("refresh", "acme")
    assert (code, errors) == (0, "") and "state active" in words(output)
    assert ("wait", ["s1", 5]) in store.asked
    assert store.asked[0][1][:2] == ["acme", "max_age"]


def test_a_refresh_that_does_not_come_says_so(desk):
    desk.store(mark=lambda *params: {"ticket": 5, "subscriptions": ["s1"]},
               wait=lambda *params: None)
    code, output, errors = desk.ctl("--timeout", "300ms", "refresh", "acme")
    assert code == 2 and "it stays due" in errors and output == ""


def test_journal_and_notifications_come_newest_first(desk):
    entries = [{"seq": seq, "index": 0, "time": NOW - 100 + seq, "subscription": "s1",
                "version": seq, "cause": "refresh", "author": "checker-1",
                "change": "seats 10 -> 25"} for seq in (9, 8)]
    messages = [{"id": "2", "type": "License Updated - Manufacturer", "received_at": NOW,
                 "outcome": "applied", "license": LICENSE, "subscriptions": ["s1"]},
                {"id": "1", "received_at": NOW, "outcome": "not_understood",
                 "problem": "It is not JSON.", "subscriptions": []}]
    store = desk.store(journal=lambda *params: {"entries": entries},
                       notifications=lambda *params: {"notifications": messages})
    code, output, errors = desk.ctl("journal")
    assert (code, errors) == (0, "")
    assert [row.split()[1] for row in output.splitlines()] == ["SEQ", "9", "8"]
    assert "seats 10 -> 25" in output
    assert len(desk.json("journal", "acme", "--limit", 1)["entries"]) == 1
    code, output, _ = desk.ctl("notifications")
    # "replay" needs the id.
    assert [row.split()[0] for row in output.splitlines()] == ["ID", "2", "1"]
    assert code == 0 and "It is not JSON." in output and "applied" in output
    assert [message["id"] for message in desk.json("notifications", "acme")["notifications"]] \
        == ["2", "1"]
    assert store.asked[-1][1][-1] == {"subscription": "s1"}


def test_an_empty_handle_decides_nothing(desk):
    """As a script leaves it whose variable is not set: it must not mean all held ends of the product."""
    store = desk.store(held_decide=lambda *params: {"subscriptions": ["s1", "s2"]})
    for what in ("accept", "refuse"):
        code, output, errors = desk.ctl("held", what, "", "--product", "example")
        assert (code, output) == (2, "") and "HANDLE" in errors
    assert not store.asked


def end(name, reason):
    return {"subscription": {**RECORD, "id": name, "tenant": f"tenant-{name}"}, "reason": reason,
            "since": NOW - 600, "until": NOW + 600}


def decided(store):
    return [(params[0], params[1]["handle"]) for method, params in store.asked if method == "held_decide"]


def test_held_ends_of_a_product_are_decided_but_for_those_that_were(desk):
    pages = {"": {"ends": [end("s1", "unexplained"), end("s2", "refused")], "next": "s2"},
             "s2": {"ends": [end("s3", "many"), end("s4", "successor"), end("s5", "unconfirmed")]}}
    store = desk.store(held=lambda *params: pages[params[0] if isinstance(params[0], str) else ""],
                       held_decide=lambda decision, options: {"subscriptions": [options["handle"]]})
    code, output, errors = desk.ctl("held", "accept", "--product", "example")
    assert (code, output) == (2, "") and not decided(store)
    assert "accept 2 held ends (s1 (example," in errors and "tenant-s3" in errors and "s2 (" not in errors
    assert "--yes" in errors and "--dry-run" in errors
    code, output, errors = desk.ctl("held", "accept", "--product", "example", "--dry-run")
    assert (code, errors) == (0, "") and not decided(store)
    assert output.splitlines()[0] == "would accept 2 held ends:" and len(output.splitlines()) == 3
    told = desk.json("held", "refuse", "--product", "example", "--dry-run")
    assert told["dry_run"] and told["count"] == 2 and told["would"] == "refuse"
    assert desk.ctl("held", "accept", "--product", "example", "--yes") == (0, "s1\ns3\n", "")
    assert decided(store) == [("accept", "s1"), ("accept", "s3")]


def test_at_a_terminal_what_acts_on_many_is_asked_about(desk):
    store = desk.store(held=lambda *params: {"ends": [end("s1", "unexplained"), end("s2", "many")]},
                       held_decide=lambda decision, options: {"subscriptions": [options["handle"]]})
    for answer in ("n", "", "yesterday"):
        code, shown = desk.terminal(answer, "held", "accept", "--product", "example")
        assert code == 1 and "nothing was done" in shown
        assert "2 held ends to accept:" in shown and "tenant-s2" in shown and "accept them all? [y/N]" in shown
    assert not decided(store)
    assert desk.terminal("y", "held", "accept", "--product", "example")[0] == 0
    assert decided(store) == [("accept", "s1"), ("accept", "s2")]


def test_a_handle_of_one_subscription_is_named_and_of_several_is_many(desk):
    several = [{**RECORD, "id": name} for name in ("s1", "s2", "s3")]
    store = desk.store(
        find=lambda handle, options=None: {"subscriptions": several if handle == BUYER else [RECORD]},
        held=lambda *params: {"ends": [end("s1", "unexplained"), end("s2", "refused"), end("s4", "many")]},
        held_decide=lambda decision, options: {"subscriptions": [options["handle"]]},
        contact_put=lambda *params: {}, journal=lambda *params: {"entries": []},
        journal_erase=lambda options: {"entries": 1, "at": "1.0"})
    # What was refused is brought up again by its own name.
    assert desk.ctl("held", "accept", "acme")[:2] == (0, "s1\n")
    for arguments, count in ((("held", "accept", BUYER), 1), (("contact", "erase", BUYER), 3),
                             (("journal", "erase", BUYER), 3), (("journal", "erase", "--by", "ann"), 1)):
        before = len(store.asked)
        code, output, errors = desk.ctl(*arguments)
        assert (code, output) == (2, "") and f" {count} " in errors and "--yes" in errors
        assert desk.ctl(*arguments, "--dry-run")[0] == 0
        assert not [method for method, _ in store.asked[before:]
                    if method in ("held_decide", "contact_put", "journal_erase")]
        assert desk.ctl(*arguments, "--yes")[0] == 0
    assert decided(store) == [("accept", "s1"), ("accept", "s1")]


def test_messages_are_replayed_when_that_was_meant(desk):
    store = desk.store(notifications=lambda *params: {"notifications": [
        {"id": name, "received_at": NOW, "outcome": outcome, "problem": "It is not JSON.", "subscriptions": []}
        for name, outcome in (("n3", "not_understood"), ("n2", "applied"), ("n1", "not_understood"))]})
    code, output, errors = desk.ctl("replay", "not-understood")
    assert (code, output) == (2, "") and "2 messages (n3 (It is not JSON.), n1 (" in errors
    assert desk.json("replay", "not-understood", "--dry-run")["count"] == 2
    assert {method for method, _ in store.asked} == {"notifications"}


def test_every_session_is_not_ended_without_a_word(desk):
    store = desk.store(signing_key_make=lambda options: {"id": "3", "revoked": 2})
    code, output, errors = desk.ctl("signing-keys", "renew", "--revoke")
    assert (code, output) == (2, "") and "--yes" in errors and not store.asked
    assert desk.ctl("signing-keys", "renew", "--revoke", "--yes")[0] == 0


PRODUCT_VERBS = (("list",), ("show", "acme"), ("check", "acme", "seats"), ("explain", "acme", "seats"),
                 ("link", "acme", "t"), ("refresh", "acme"), ("contact", "erase", "acme"), ("held",),
                 ("held", "accept", "acme"))


@pytest.mark.parametrize("name", ["example", RECORD["product_code"]])
def test_a_product_is_named_by_its_label_or_its_code(desk, name):
    store = desk.store(list=lambda *params: {"subscriptions": [RECORD]},
                       find=lambda *params: {"subscriptions": [RECORD]},
                       link=lambda *params: {"subscription": RECORD},
                       mark=lambda *params: {"ticket": 5, "subscriptions": ["s1"]},
                       wait=lambda *params: {"subscription": RECORD},
                       contact_put=lambda *params: {}, held=lambda *params: {"ends": []},
                       held_decide=lambda *params: {"subscriptions": ["s1"]},
                       sweep=lambda *params: {"sweeps": []}, sweeps=lambda: {"sweeps": []})
    checker = desk.checker(check=lambda *params: ANSWER, entitlements=lambda *params: {"holdings": [HOLDING]})

    def meant(asked):
        return [params[-1].get("product") for _, params in asked
                if params and isinstance(params[-1], dict) and "product" in params[-1]]

    for arguments in PRODUCT_VERBS:
        seen = len(store.asked), len(checker.asked)
        code, _, errors = desk.ctl(*arguments, "--product", name)
        assert code == 0, errors
        products = meant(store.asked[seen[0]:] + checker.asked[seen[1]:])
        assert products and set(products) == {RECORD["product_code"]}, arguments
    assert desk.ctl("sweep", name)[0] == 0 and meant(store.asked)[-1] == RECORD["product_code"]


def test_an_unknown_product_is_refused_by_name(desk):
    store = desk.store(list=lambda *params: {
        "subscriptions": [RECORD] if params[-1].get("product") == "gone" else []})
    desk.checker(check=lambda *params: ANSWER)
    for arguments in (*[(*verb, "--product", "exmaple") for verb in PRODUCT_VERBS], ("sweep", "exmaple"),
                      ("sweep", "exmaple", "--last")):
        code, output, errors = desk.ctl(*arguments)
        assert (code, output) == (1, ""), arguments
        assert "'exmaple'" in errors and "example (4exampleproductcode0000001)" in errors
    # One that is not sold any more has records all the same.
    assert desk.ctl("list", "--product", "gone")[0] == 0
    assert {method for method, _ in store.asked} == {"list"}


def test_overrides_are_set_listed_and_removed(desk):
    kept = {"id": "o1", "handle": "acme", "action": "value", "value": 50, "author": "ann",
            "reason": "pilot"}
    store = desk.store(override_put=lambda override: {"override": {**override, "id": "o1"}},
                       override_remove=lambda id, options=None: {},
                       snapshot=lambda *params: {"incarnation": "i", "seq": 1,
                                                 "overrides": [kept]})
    code, output, errors = desk.ctl("override", "set", "acme", 50, "--dimension", "seats",
                                    "--for", "1h", "--reason", "pilot")
    assert (code, errors) == (0, "") and "o1 acme seats 50" in words(output)
    put = store.asked[-1][1][0]
    assert put["action"] == "value" and put["value"] == 50 and put["author"]
    assert 3500 < put["expires_at"] - time.time() < 3700
    assert desk.json("override", "list")["overrides"][0]["value"] == 50
    assert desk.ctl("override", "remove", "o1")[1] == "o1 is removed\n"
    # A slip must not grant everything.
    for word in ("dney", "none", "nan"):
        code, output, errors = desk.ctl("override", "set", "acme", word)
        assert (code, output) == (2, "") and "--dimension" in errors
    assert "deny" in desk.ctl("override", "set", "acme", "Deny")[1]
    assert desk.ctl("override", "bogus")[0] == 2
    assert desk.ctl("override", "set", "acme")[0] == 2


def test_an_override_of_nobody_is_asked_about(desk):
    store = desk.store(override_put=lambda override: {"override": {**override, "id": "o1"}})
    code, output, errors = desk.ctl("override", "set", "acmee", "allow")
    assert (code, output) == (2, "") and "'acmee'" in errors and "--yes" in errors
    code, shown = desk.terminal("n", "override", "set", "acmee", "allow")
    assert code == 1 and "no subscription is known as 'acmee' yet" in shown
    assert "override_put" not in [method for method, _ in store.asked]
    assert desk.terminal("y", "override", "set", "acmee", "allow")[0] == 0
    assert desk.ctl("override", "set", "acmee", "allow", "--yes")[0] == 0
    assert [method for method, _ in store.asked].count("override_put") == 2


def test_stats_show_who_answers_and_fail_for_who_does_not(desk):
    desk.store(stats=lambda: {
        "counters": [{"name": "commits_total", "value": 12}],
        "processes": [{"daemon": "entitled-poller", "name": "1", "host": "here",
                       "counters": [{"name": "main.received_total", "value": 3}]}]})
    desk.checker(stats=lambda: {"counters": [{"name": "checks_total", "value": 1e6}]})
    code, output, errors = desk.ctl("stats")
    assert (code, errors) == (0, "")
    assert [row.split() for row in output.splitlines()[1:]] == [
        ["store", "commits_total", "12"], ["poller-1@here", "main.received_total", "3"],
        ["checker-1", "checks_total", "1000000"]]
    processes = desk.json("stats")["processes"]
    assert processes[0]["counters"]["commits_total"] == 12
    assert processes[1]["counters"] == {"main.received_total": 3} and "endpoint" not in processes[1]
    (desk.run / "public" / "checker-2.query").touch()
    code, output, errors = desk.ctl("--timeout", "500ms", "stats")
    assert code == 2 and "commits_total" in output and "checker-2" in errors


def test_settings_need_no_daemon_and_show_no_secret(desk):
    code, output, errors = desk.ctl("settings")
    assert (code, errors) == (0, "")
    assert f"[entitled] run_directory {desk.run} {desk.config}:2" in words(output)
    assert "[store] cache_size 64M default" in words(output)
    assert "[product example] code 4exampleproductcode0000001" in words(output)
    assert "(set)" in output and "not-to-be-shown" not in output
    rows = desk.json("settings", "product")["settings"]
    assert {row["label"] for row in rows} == {"example"}


def test_without_daemons_one_sentence_says_what_is_missing(desk):
    for arguments, part in ((["list"], "entitled-store does not answer"),
                            (["check", "acme", "seats"], "no checker is found")):
        code, output, errors = desk.ctl("--timeout", "300ms", *arguments)
        assert code == 2 and output == "" and part in errors and errors.count("\n") == 1


def test_wrong_words_are_refused_with_a_sentence(desk):
    for arguments, part in ((["bogus"], "unknown verb"), ([], "a verb is missing"),
                            (["check", "acme"], "an argument is missing"),
                            (["check", "acme", "seats", "many"], "is not a quantity"),
                            (["list", "--limit", "0"], "--limit"),
                            (["--timeout", "soon", "list"], "--timeout")):
        code, output, errors = desk.ctl(*arguments)
        assert code == 2 and output == "" and part in errors and errors.count("\n") == 1
    desk.config.write_text("[entitled]\nbogus = 1\n")
    code, _, errors = desk.ctl("list")
    assert code == 2 and "bogus" in errors


def test_foreign_text_cannot_steer_the_terminal(desk):
    desk.store(find=lambda *params: {"subscriptions": [{**RECORD, "tenant": "\x1b[2Jacme"}]})
    assert "\x1b" not in desk.ctl("show", "acme")[1]
    assert desk.json("show", "acme")["subscriptions"][0]["subscription"]["tenant"] == "\x1b[2Jacme"


def test_help_and_version_need_no_settings(desk):
    desk.config.write_text("nonsense")
    code, output, _ = desk.ctl("--help")
    assert code == 0 and "explain HANDLE DIMENSION [QUANTITY]" in output
    assert desk.ctl("check", "--help")[1].startswith("usage: entitlectl [OPTION...] check")
    assert desk.ctl("--version")[1].startswith("entitlectl ")


def poller_figures(suite, wanted):
    """As the poller last told the store; None until the wanted one is above 0."""
    processes = {each["process"].partition("@")[0]: each["counters"]
                 for each in suite.entitlectl_json("stats")["processes"]}
    assert {"store", "checker-1", "checker-2"} <= processes.keys()
    figures = processes.get("poller-1", {})
    return figures if figures.get(wanted) else None


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
    figures = suite.eventually(lambda: poller_figures(suite, "main.deleted_total"))
    assert figures["main.received_total"] >= figures["main.deleted_total"] > 0
    assert figures["main.refused_total"] == figures["main.paused"] == 0
    assert figures["main.last_receive_age_s"] < 60

    assert suite.entitlectl("override", "set", "acme", "deny", "--dimension", "seats",
                            "--reason", "unpaid")[0] == 0
    suite.eventually_answers(False, "override", "acme", "seats", 1)
    assert "because 'unpaid'" in words(suite.entitlectl("explain", "acme", "seats")[1])
    for override in suite.entitlectl_json("override", "list")["overrides"]:
        assert suite.entitlectl("override", "remove", override["id"])[0] == 0
    suite.eventually_answers(True, "entitled", "acme", "seats", 25)


def kept(suite, **wanted):
    """The messages that the store has, the oldest first."""
    rows = suite.entitlectl_json("notifications", "--limit", "1000")["notifications"]
    return [row for row in reversed(rows) if wanted.items() <= row.items()]


def test_nothing_has_failed_in_a_suite_that_is_well(suite):
    deal = suite.sandbox.buy(product=NEW, account="777700000002", dimensions={"seats": 3})
    assert suite.register(deal["token"]).status == 200
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 3)
    with pytest.raises(RpcError):
        suite.store.call("contact_get", "nobody")
    counters = {process["process"]: process["counters"] for process in suite.entitlectl_json("stats")["processes"]}
    answering = [counters[name] for name in ("store", "checker-1", "checker-2")]
    assert [each["requests_failed_total"] for each in answering] == [0, 0, 0]
    assert answering[0]["requests_declined_total"] > 0


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
    assert code == 2 and message["id"] in errors and "SQS does not take it" in errors and output == ""


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
