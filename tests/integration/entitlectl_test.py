"""entitlectl: what it shows, what it asks before it acts, and what it says when it cannot."""
import json
import re
import time

import pytest

from tests.support.desk import LICENSE, NOW, RECORD, words
from tests.support.suite import BUYER


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
        "counters": [{"name": "entitled_commit_groups_total", "value": 12}],
        "processes": [{"daemon": "entitled-poller", "name": "1", "host": "here",
                       "counters": [{"name": 'entitled_messages_received_total{queue="main"}',
                                     "value": 3}]}]})
    desk.checker(stats=lambda: {"counters": [{"name": "entitled_requests_total", "value": 1e6}]})
    code, output, errors = desk.ctl("stats")
    assert (code, errors) == (0, "")
    assert [row.split() for row in output.splitlines()[1:]] == [
        ["store", "entitled_commit_groups_total", "12"],
        ["poller-1@here", 'entitled_messages_received_total{queue="main"}', "3"],
        ["checker-1", "entitled_requests_total", "1000000"]]
    processes = desk.json("stats")["processes"]
    assert processes[0]["counters"]["entitled_commit_groups_total"] == 12
    assert processes[1]["counters"] == {'entitled_messages_received_total{queue="main"}': 3}
    assert "endpoint" not in processes[1]
    (desk.run / "public" / "checker-2.query").touch()
    code, output, errors = desk.ctl("--timeout", "500ms", "stats")
    assert code == 2 and "entitled_commit_groups_total" in output and "checker-2" in errors


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


def test_every_verb_is_there_and_says_what_it_is(desk):
    """Without a daemon: those that need one say so."""
    rows = re.findall(r"^  ([a-z][a-z-]*(?: \[?[a-z][a-z-]*\]?)?)( [A-Z[]\S*(?: \S+)*)?  +(\S.*)$",
                      desk.ctl("--help")[1], re.M)
    assert len(rows) > 30
    for name, arguments, summary in rows:
        verb = name.replace("[", "").replace("]", "").split()
        assert summary in desk.ctl(*verb, "--help")[1]
        given = [word.lower() for word in arguments.split() if not word.startswith("[")]
        code, output, errors = desk.ctl("--timeout", "1ms", "--json", *verb, *given)
        json.loads(output)
        assert code in (0, 1, 2) and "unknown" not in errors and "too many" not in errors, (name, errors)
        code, output, errors = desk.ctl(*verb, *given, *["more"] * 4)
        assert (code, output) == (2, "") and f"{name}{arguments}" in errors


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
