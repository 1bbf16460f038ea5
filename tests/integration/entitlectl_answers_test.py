"""entitlectl answers about subscriptions: check, explain, list, show, journal."""
import re

import pytest

from tests.support.desk import LICENSE, NOW, RECORD, words

HOLDING = {"subscription": RECORD, "state": "active",
           "entitlements": [{"dimension": "seats", "value": 10, "expires_at": NOW + 864000,
                             "counts": "yes"}]}
ANSWER = {"allow": True, "reason": "entitled", "granted": 10, "expires_at": NOW + 864000,
          "verified_at": NOW - 180, "subscription": "s1", "combined": 1}


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
