"""What a checker does beside the story: readiness, max_age_ms, presence, and the replica it gives away."""
import time

import pytest

from tests.support.rpc import Client, Feed, RpcError
from tests.support.sandbox import FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY
from tests.support.suite import BUYER, NEW, SELLER, Suite


def bought(suite, seats=10, account=BUYER):
    deal = suite.sandbox.buy(product=NEW, account=account, dimensions={"seats": seats})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", seats)
    return deal


def test_it_is_ready_when_it_holds_everything():
    suite = Suite()
    try:
        suite["checker-1"].start()
        client = suite.client("1")
        assert client.call("describe")["ready"] is False
        for method, *parameters in (("check", "x", "seats"), ("check_many", [["x", "seats"]]),
                                    ("entitlements", "x"), ("snapshot",), ("changes", "x", 1)):
            with pytest.raises(RpcError) as refused:
                client.call(method, *parameters)
            assert refused.value.code == "not_ready" and refused.value.retryable
        suite["store"].start()
        suite.feed = Feed(suite.feed_of("store"))
        suite.eventually(lambda: client.call("describe")["ready"])
        assert client.call("check", "x", "seats")["reason"] == "not_subscribed"
    finally:
        suite.close()


def test_it_goes_on_answering_without_the_store(suite):
    deal = bought(suite)
    suite["store"].kill()
    client = suite.client("1")
    suite.feed.close()
    suite.feed = Feed(suite.feed_of("1"))
    suite.eventually(lambda: suite.figures()["entitled_store_connected"] == 0)
    assert suite.check(deal["license_arn"], "seats", 10)["allow"]
    answers = client.call("check_many", [[BUYER, "seats", 10], [BUYER, "seats", 11],
                                         [BUYER, "seats", -1]])["answers"]
    assert [answer.get("error", answer["reason"]) for answer in answers] == \
        ["entitled", "insufficient_quantity", "bad_request"]
    held = client.call("entitlements", BUYER)
    assert [holding["subscription"]["license_arn"] for holding in held["holdings"]] == \
        [deal["license_arn"]]
    assert held["seq"] > 0
    assert len(client.call("snapshot")["subscriptions"]) == 1
    # What would need the store is answered from memory, at once.
    for max_age_ms in (1, 2 ** 63 - 1):
        assert suite.check(deal["license_arn"], "seats", 10, max_age_ms=max_age_ms)["allow"]


def test_max_age_waits_for_newer_data(suite):
    deal = bought(suite)
    suite["poller"].kill()
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    # Nobody told us; the answer is refreshed as soon as it is older than a second.
    answer = suite.eventually(lambda: next(iter(
        [a for a in [suite.check(deal["license_arn"], "seats", 25, max_age_ms=1000)]
         if a["allow"]]), None))
    assert "stale" not in answer or answer["stale"] is False
    assert suite.figures()["entitled_max_age_asked_total"] >= 1
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 25)


def test_max_age_that_cannot_be_met_says_stale_within_the_deadline(suite):
    deal = bought(suite)
    suite.sandbox.fault(operation="GetEntitlements", kind="hang", count=1000)

    def unmet():
        began = time.monotonic()
        answer = suite.check(deal["license_arn"], "seats", 10, max_age_ms=1000, timeout_ms=1500)
        assert time.monotonic() - began < 10
        assert answer["allow"]
        return answer.get("stale")

    suite.eventually(unmet)
    suite.eventually(lambda: suite.figures()["entitled_max_age_unmet_total"] >= 1)
    suite.sandbox.faults_clear()


def test_many_notices_take_few_calls(suite):
    """With AWS's quota, customers who change at once are seen sooner than one call for each."""
    deals = [suite.sandbox.buy(product=NEW, account=str(200000000000 + number),
                               dimensions={"seats": 10}) for number in range(60)]
    for deal in deals:
        suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    before = suite.sandbox.counts()["GetEntitlements"]
    for deal in deals:
        suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 20})
    for deal in deals:
        suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 20)
    assert suite.sandbox.counts()["GetEntitlements"] - before < len(deals)
    calls = [call for call in suite.sandbox.log(since=0)["calls"]
             if call["operation"] == "GetEntitlements" and call["outcome"] == "ok"]
    assert any(len(call["parameters"].get("Filter", {}).get("LICENSE_ARN", [])) > 1
               for call in calls)


def test_max_age_is_rationed(suite):
    deal = bought(suite)
    client = suite.client("1")

    def rationed():
        before = suite.sandbox.counts()["GetEntitlements"]
        for _ in range(100):
            client.send("check", deal["license_arn"], "seats", 10, max_age_ms=1)
        # In any order: those over the ration are answered at once.
        assert all(client.receive()["allow"] for _ in range(100))
        # One mark serves many who ask: AWS sees a few calls at most.
        assert suite.sandbox.counts()["GetEntitlements"] - before <= 10
        return suite.figures()["entitled_max_age_rationed_total"] > 0

    suite.eventually(rationed)


def test_checkers_know_each_other(suite):
    def peers(of):
        return {peer["name"]: peer for peer in suite.client(of).call("describe").get("peers", [])}

    suite.eventually(lambda: set(peers("1")) == set(peers("2")) == {"1", "2"})
    for name, peer in peers("1").items():
        assert peer["daemon"] == "entitled-checker"
        assert peer["endpoints"] == [suite.endpoint_of(name)]
        assert peer["feeds"] == [suite.feed_of(name)]
        assert peer["host"] and peer["since"] > 0
    suite["checker-2"].kill()
    suite.eventually(lambda: set(peers("1")) == {"1"})
    suite["checker-2"].start()
    suite.eventually(lambda: set(peers("1")) == {"1", "2"})


def test_paths_of_another_host_are_not_told(suite):
    """Its checker may have the name of one here, and so the path of its socket."""
    far = {"daemon": "entitled-checker", "name": "1", "host": "elsewhere",
           "endpoints": [suite.endpoint_of("1"), "tcp://192.0.2.9:5810"],
           "feeds": ["tcp://192.0.2.9:5811", suite.feed_of("1")]}

    def told():
        suite.client("store").call("announce", far)
        return next((peer for peer in suite.client("1").call("describe")["peers"]
                     if peer["host"] == "elsewhere"), None)

    suite.eventually(told)
    assert (told()["endpoints"], told()["feeds"]) == (["tcp://192.0.2.9:5810"],
                                                      ["tcp://192.0.2.9:5811"])


def test_a_second_checker_of_the_same_name_names_the_holder(suite):
    second = suite.add("checker-twin", "entitled-checker", "--name", "1")
    second.start(wait=False)
    assert second.popen.wait(30) != 0
    assert "held by entitled-checker (pid" in second.said()
    del suite.processes["checker-twin"]
    assert suite.client("1").call("ping")["time_ms"] > 0


def test_work_granted_to_a_checker_that_was_killed_is_not_lost(suite):
    deal = bought(suite)
    for seats in (20, 30, 40):
        suite["checker-2"].kill()
        began = time.monotonic()
        suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": seats})
        suite.eventually(lambda n=seats: suite.check(deal["license_arn"], "seats", n)["allow"])
        # Its parked claims did not swallow the work until a lease of 10 s ended.
        assert time.monotonic() - began < 8
        suite["checker-2"].start()
        suite.eventually(suite.all_ready)


def test_credentials_of_another_account_are_warned_about(suite):
    stranger = suite.add("checker-3", "entitled-checker", "--name", "3", environment={
        "ENTITLED_AWS_SELLER_ACCOUNT": SELLER,
        "ENTITLED_AWS_ACCESS_KEY_ID": FOREIGN_ACCESS_KEY,
        "ENTITLED_AWS_SECRET_ACCESS_KEY": FOREIGN_SECRET_KEY,
    })
    stranger.start()
    suite.eventually(lambda: "not the seller account" in stranger.said())
    assert stranger.stop() == 0
    del suite.processes["checker-3"]


# The replica it gives away.

def pull(client, limit):
    records, after = {}, ""
    while True:
        chunk = client.call("snapshot", after, limit)
        assert len(chunk.get("subscriptions", [])) <= limit
        for record in chunk.get("subscriptions", []):
            assert record["id"] > after
            records[record["id"]] = record
            after = record["id"]
        if not chunk.get("next"):
            return records, chunk
        assert chunk["next"] == after


def test_its_snapshot_is_the_stores(suite):
    for number in range(5):
        bought(suite, account=f"{number:012d}")
    store_records, _ = pull(suite.store, 1000)
    for limit in (1, 2, 1000):
        records, _ = pull(suite.client("2"), limit)
        assert records == store_records


def test_its_changes_lead_from_one_state_to_another(suite):
    deal = bought(suite)
    client = suite.client("1")
    _, before = pull(client, 1000)
    suite.store.call("link", deal["license_arn"], "tenant-1")
    suite.eventually(lambda: suite.check("tenant-1", "seats", 10)["allow"])
    changes = client.call("changes", before["incarnation"], before["seq"])
    assert [record["tenant"] for record in changes["subscriptions"]] == ["tenant-1"]
    assert changes["seq"] > before["seq"] and changes["incarnation"] == before["incarnation"]
    assert "subscriptions" not in client.call("changes", before["incarnation"], changes["seq"])
    for incarnation, since in (("another", before["seq"]), (before["incarnation"], -5)):
        with pytest.raises(RpcError) as refused:
            client.call("changes", incarnation, since)
        assert refused.value.code == "not_found"


def test_its_feed_tells_each_commit(suite):
    bought(suite)
    feed = Feed(suite.feed_of("1"))
    while feed.next(10000)[0] != "heartbeat":
        pass
    for number in range(20):
        suite.store.call("link", BUYER, f"tenant-{number}")
    seen, last = [], None
    while "tenant-19" not in seen:
        event, parameters = feed.next(10000)
        if event != "commit":
            continue
        incarnation, seq, records = parameters[:3]
        assert last is None or seq == last + 1
        last = seq
        seen += [record["tenant"] for record in records if "tenant" in record]
    assert seen == [f"tenant-{number}" for number in range(20)]
    event, parameters = feed.next(10000)
    assert event == "heartbeat" and parameters[1] >= last
    feed.close()


def test_answers_do_not_wait_for_those_who_take_everything(suite):
    for number in range(5):
        bought(suite, account=f"{number:012d}")
    greedy = [Client(suite.endpoint_of("1")) for _ in range(4)]
    pending = [(client, client.send("snapshot")) for client in greedy for _ in range(50)]
    assert suite.check(f"{3:012d}", "seats", 10)["allow"]
    for client, msgid in pending:
        assert len(client.receive(msgid)["subscriptions"]) == 5
    for client in greedy:
        client.close()
