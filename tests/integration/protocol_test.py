"""A client written from docs/protocol.md alone gets the answers that entitlectl gets."""
import msgpack
import pytest
import zmq

from tests.support.rpc import Client, Feed, RpcError
from tests.support.suite import BUYER, NEW


@pytest.fixture
def deal(suite):
    bought = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    assert suite.register(bought["token"]).status == 200
    suite.eventually_answers(True, "entitled", bought["license_arn"], "seats", 10)
    return bought


@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.REQ], ids=["DEALER", "REQ"])
def test_a_foreign_client_and_entitlectl_agree(suite, deal, kind):
    client = Client(suite.endpoint_of("1"), kind)
    for quantity in (0, 1, 10, 10.5, 11):
        answer = client.call("check", deal["license_arn"], "seats", quantity)
        ours = suite.entitlectl_json("check", deal["license_arn"], "seats", quantity)
        assert {name: ours[name] for name in answer} == answer
        code, _, _ = suite.entitlectl("check", deal["license_arn"], "seats", quantity)
        assert code == (0 if answer["allow"] else 1)
    client.close()


def test_an_envelope_is_mirrored_up_to_its_first_empty_frame(suite, deal):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(suite.endpoint_of("1"))
    request = msgpack.packb([0, 7, "check", [deal["license_arn"], "seats"]])
    for envelope in ([], [b""], [b"one", b"two", b""]):
        socket.send_multipart([*envelope, request])
        assert socket.poll(10000)
        *mirrored, payload = socket.recv_multipart()
        assert mirrored == envelope
        assert msgpack.unpackb(payload)[3]["allow"] is True
    socket.close()


def test_check_many_answers_each_question_by_itself(suite, deal):
    questions = [[deal["license_arn"], "seats", 10], [deal["license_arn"], "seats", 11],
                 ["nobody", "seats"], [deal["license_arn"], "seats", -1]]
    answers = suite.client("1").call("check_many", questions)["answers"]
    assert [answer["reason"] if "error" not in answer else answer["error"] for answer in answers] \
        == ["entitled", "insufficient_quantity", "not_subscribed", "bad_request"]
    with pytest.raises(RpcError, match="bad_request"):
        suite.client("1").call("check_many", [["a", "b", 1]] * 1001)


def test_a_misshapen_question_of_many_spoils_all_and_a_bad_value_only_its_own(suite, deal):
    client = suite.client("1")
    good = [deal["license_arn"], "seats"]
    for misshapen in ("a text", [], [deal["license_arn"]], [5, "seats"], [*good, "ten"]):
        with pytest.raises(RpcError, match="bad_request"):
            client.call("check_many", [good, misshapen])
    for bad in (["", "seats"], [deal["license_arn"], ""], [*good, -1], [*good, float("inf")]):
        first, second = client.call("check_many", [bad, good])["answers"]
        assert (first["error"], first["allow"], first["reason"]) == ("bad_request", False, "")
        assert first["message"] and second["allow"] and "error" not in second


def test_more_questions_than_are_looked_up_together_keep_their_answers(suite, deal):
    held = [deal["license_arn"], "seats", 10]
    questions = [held if i % 3 else ["nobody", "seats"] for i in range(1000)]
    client = suite.client("1")
    alone = client.call("check", *held)
    answers = client.call("check_many", questions)["answers"]
    assert [answers[i] == alone for i in range(1000)] == [i % 3 != 0 for i in range(1000)]
    assert {answer["reason"] for answer in answers[::3]} == {"not_subscribed"}


def test_bad_questions_get_a_clear_error(suite, deal):
    client = suite.client("1")
    for params, wanted in [
        ((), "'handle' is missing"),
        ((deal["license_arn"],), "'dimension' is missing"),
        ((deal["license_arn"], 7), "'dimension' must be a text"),
        ((deal["license_arn"], "seats", "ten"), "'quantity' must be a number"),
        ((deal["license_arn"], "seats", -1), "quantity"),
        ((deal["license_arn"], "seats", float("nan")), "quantity"),
        ((deal["license_arn"], "seats", float("inf")), "quantity"),
        (("", "seats"), "the handle is empty"),
        ((deal["license_arn"], ""), "the dimension is empty"),
        ((deal["license_arn"], "seats", 1, {"max_age_ms": -1}), "max_age_ms"),
        ((deal["license_arn"], "seats", 1, {"timeout_ms": 0}), "from 1 to 2147483647"),
        ((deal["license_arn"], "seats", 1, {"timeout_ms": 2 ** 31}), "from 1 to 2147483647"),
    ]:
        with pytest.raises(RpcError) as raised:
            client.call("check", *params)
        assert raised.value.code == "bad_request"
        assert wanted in raised.value.message
    assert client.call("check", deal["license_arn"], "seats", 1, {"timeout_ms": 2 ** 31 - 1})["allow"]
    with pytest.raises(RpcError, match="unknown_method"):
        client.call("mark", deal["license_arn"], "sweep")


def test_describe_names_every_live_checker(suite, deal):
    described = suite.eventually(
        lambda: (lambda answer: answer if len(answer.get("peers", [])) == 2 else None)(
            suite.client("1").call("describe")))
    assert described["ready"] and described["protocol_major"] == 1
    endpoints = {endpoint for peer in described["peers"] for endpoint in peer["endpoints"]}
    assert endpoints == {suite.endpoint_of("1"), suite.endpoint_of("2")}
    assert described["instance"] in {peer["name"] for peer in described["peers"]}


def test_a_client_can_follow_everything_through_a_checker(suite, deal):
    client = suite.client("2")
    chunk = client.call("snapshot", "", 1)
    records = {record["id"]: record for record in chunk["subscriptions"]}
    while chunk.get("next"):
        chunk = client.call("snapshot", chunk["next"], 1)
        records.update({record["id"]: record for record in chunk["subscriptions"]})
    assert [record["license_arn"] for record in records.values()] == [deal["license_arn"]]
    feed = Feed(suite.feed_of("2"))
    suite.eventually(lambda: feed.next(1000))
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 11})

    def announced():
        event = feed.next(1000)
        return event and event[0] == "commit" and any(
            entitlement["value"] == 11 for record in event[1][2]
            for entitlement in record.get("entitlements", []))
    suite.eventually(announced)
    feed.close()


def test_heartbeats_tell_how_old_a_checkers_news_are(suite, deal):
    feed = Feed(suite.feed_of("1"))
    incarnation, seq, time_ms, *age_ms = suite.eventually(
        lambda: (lambda event: event[1] if event and event[0] == "heartbeat" else None)(
            feed.next(1000)))
    feed.close()
    assert incarnation and seq > 0 and time_ms > 10 ** 12 and all(age >= 0 for age in age_ms)


def test_changes_since_what_has_not_come_yet(suite, deal):
    now = suite.client("1").call("snapshot", "", 1)
    behind = suite.client("1").call("changes", now["incarnation"], now["seq"] + 1000000)
    assert behind["incarnation"] == now["incarnation"]
    assert now["seq"] <= behind["seq"] < now["seq"] + 1000000
    assert not any(behind.get(name) for name in ("subscriptions", "removed", "overrides",
                                                 "overrides_removed", "more"))
    with pytest.raises(RpcError, match="not_found"):
        suite.store.call("changes", now["incarnation"], now["seq"] + 1000000)


def test_max_age_waits_for_fresher_data(suite, deal):
    before = suite.check(deal["license_arn"])["verified_at"]
    suite.eventually(lambda: suite.check(deal["license_arn"], "seats", 10, max_age_ms=1,
                                         timeout_ms=10000)["verified_at"] > before)


def test_max_age_unmet_gives_the_last_answer_marked_stale(suite, deal):
    suite.sandbox.fault(operation="GetEntitlements", kind="hang", count=100)
    answer = suite.eventually(
        lambda: (lambda last: last if last.get("stale") else None)(
            suite.check(deal["license_arn"], "seats", 10, max_age_ms=1, timeout_ms=1000)))
    assert answer["allow"]
    suite.sandbox.faults_clear()


def test_a_check_never_asks_aws(suite, deal):
    """What is due of its own accord may be asked about meanwhile: far less than one in ten checks."""
    asked = suite.sandbox.log()["counts"]["GetEntitlements"]
    for i in range(200):
        suite.check(deal["license_arn"], "seats", 10)
        suite.check(f"nobody-{i}", "seats", 10)
    assert suite.sandbox.log()["counts"]["GetEntitlements"] < asked + 40


def test_a_request_past_its_time_is_not_executed(suite, deal):
    with pytest.raises(RpcError, match="timeout"):
        suite.store.call("wait", suite.store.call("find", deal["license_arn"])
                         ["subscriptions"][0]["id"], 2**62, timeout_ms=100)
