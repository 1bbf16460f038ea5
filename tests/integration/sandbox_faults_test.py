"""Faults that the sandbox plays when it is told to."""
import hashlib
import http.client
import threading
import time

import pytest

from tests.support.sandbox import BUYER, NEW, Refused


def test_faults_are_used_up_in_order_and_can_be_cleared(sandbox, aws):
    sandbox.fault(operation="GetEntitlements", kind="throttle", count=1)
    sandbox.fault(operation="GetEntitlements", kind="error500", count=-1)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).code == "ThrottlingException"
    for _ in range(2):
        answer = aws.call("GetEntitlements", {"ProductCode": NEW})
        assert (answer.status, answer.code) == (500, "InternalServiceErrorException")
    sandbox.faults_clear()
    assert aws.get_entitlements() == []
    assert [call["fault"] for call in sandbox.calls("GetEntitlements")] == [
        "throttle", "error500", "error500", "none"]


def test_answers_can_be_empty_stale_foreign_or_lack_a_member(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    sandbox.change(agreement=bought["agreement_id"], dimensions={"seats": 25})
    for kind in ("empty", "stale", "wrong_account"):
        sandbox.fault(operation="GetEntitlements", kind=kind)
    sandbox.fault(operation="GetEntitlements", kind="missing_member", member="LicenseArn")
    assert aws.get_entitlements() is None
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 10}
    assert aws.get_entitlements() == []
    assert "LicenseArn" not in aws.get_entitlements()[0]
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 25}


def test_permissions_can_be_missing(sandbox, aws):
    for operation in ("GetEntitlements", "ResolveCustomer", "ReceiveMessage"):
        sandbox.fault(operation=operation, kind="deny")
    answers = [aws.call("GetEntitlements", {"ProductCode": NEW}),
               aws.call("ResolveCustomer", {"RegistrationToken": "any"}), aws.sqs("ReceiveMessage")]
    assert [answer.status for answer in answers] == [400, 400, 403]
    for answer in answers:
        assert answer.code.endswith("AccessDeniedException")
        assert "is not authorized to perform" in answer.body["message"]
    assert sandbox.log()["errors"]["GetEntitlements"] == 1
    assert aws.get_entitlements() == []


def test_lists_can_be_doubled_turned_and_shortened(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1, "pro_tier": 1})
    wanted = {"duplicate": 2 * ["seats"] + 2 * ["pro_tier"], "reorder": ["pro_tier", "seats"],
              "lose": ["pro_tier"]}
    for kind, dimensions in wanted.items():
        sandbox.fault(operation="GetEntitlements", kind=kind)
        assert [row["Dimension"] for row in aws.get_entitlements()] == dimensions


def test_answers_can_be_late_cut_off_or_never_come(sandbox, aws):
    sandbox.fault(operation="GetEntitlements", kind="delay", delay_ms=300)
    began = time.monotonic()
    assert aws.get_entitlements() == [] and time.monotonic() - began >= 0.3
    sandbox.fault(operation="GetEntitlements", kind="truncate")
    with pytest.raises(http.client.IncompleteRead):
        aws.get_entitlements()
    sandbox.fault(operation="GetEntitlements", kind="hang")
    with pytest.raises(TimeoutError):
        aws.call("GetEntitlements", {"ProductCode": NEW}, timeout=0.5)


def test_notifications_can_be_lost_doubled_turned_and_tampered_with(sandbox):
    sandbox.fault(operation="Event", kind="reorder")
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    assert sandbox.events() == ["License Updated - Manufacturer",
                                "Purchase Agreement Created - Proposer"]
    sandbox.reset()
    sandbox.fault(operation="Event", kind="lose")
    sandbox.fault(operation="Event", kind="duplicate")
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    first, second = sandbox.messages()
    assert first == second and first["detail-type"] == "License Updated - Manufacturer"
    sandbox.reset()
    sandbox.fault(operation="Event", kind="tamper", count=2)
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    assert {event["account"] for event in sandbox.messages()} == {"999988887777"}


def test_a_message_can_be_delivered_twice_and_tampered_with(sandbox, aws):
    sandbox.send_event(body="twice")
    sandbox.fault(operation="ReceiveMessage", kind="duplicate")
    sandbox.fault(operation="ReceiveMessage", kind="tamper")
    first = aws.receive()
    assert [message["Body"] for message in first] == ["twice", "twice"]
    tampered = aws.receive()[0]
    assert tampered["MD5OfBody"] != hashlib.md5(tampered["Body"].encode()).hexdigest()


@pytest.mark.parametrize("fault, said", [
    ({"operation": "GetEntitlements", "kind": "nonsense"}, "nonsense"),
    ({"operation": "Event", "kind": "throttle"}, "events"),
    ({"operation": "ResolveCustomer", "kind": "stale"}, "stale"),
    ({"operation": "SigningCertificate", "kind": "hang"}, "certificate"),
    ({"operation": "GetEntitlements", "kind": "missing_member"}, "member"),
    ({"operation": "GetEntitlements", "kind": "hang", "count": 0}, "count"),
    ({"operation": "GetEntitlements", "kind": "hang", "cont": 3}, "cont"),
])
def test_wrong_faults_are_refused(sandbox, fault, said):
    with pytest.raises(Refused, match=said):
        sandbox.fault(**fault)


def test_faults_cleared_while_a_call_waits_still_hit_it(sandbox, aws):
    sandbox.fault(operation="ReceiveMessage", kind="missing_member", member="ReceiptHandle")
    answers = []
    poll = threading.Thread(target=lambda: answers.append(aws.receive(WaitTimeSeconds=20)))
    poll.start()
    sandbox.wait_calls("ReceiveMessage", 1)
    sandbox.faults_clear()
    sandbox.send_event(body="x")
    poll.join()
    assert "ReceiptHandle" not in answers[0][0] and answers[0][0]["Body"] == "x"


def test_a_doubled_message_goes_to_the_next_who_waits(sandbox, aws):
    sandbox.fault(operation="ReceiveMessage", kind="duplicate", count=1)
    got = []
    waiting = [threading.Thread(target=lambda: got.append(aws.receive(WaitTimeSeconds=20)))
               for _ in range(2)]
    for thread in waiting:
        thread.start()
    sandbox.wait_calls("ReceiveMessage", 2)
    sandbox.send_event(body="one")
    for thread in waiting:
        thread.join()
    # Twice in the first answer, and once more in the next.
    assert sorted([message["Body"] for message in messages] for messages in got) \
        == [["one"], ["one", "one"]]
