"""The sandbox as a program, and how it is spoken to: signatures, its log, its verbs."""
import http.client
import json
import subprocess
import threading
import urllib.error
import urllib.request

import botocore.auth
import botocore.exceptions
import pytest

from tests.support.process import BIN
from tests.support.sandbox import BUYER, LEGACY, NEW, Refused, SELLER, Sandbox
from tests.support.sandbox_calls import Caller, OTHER_BUYER, botocore_client


def test_help_and_version_need_no_world():
    for argument, wanted in (("--help", "--port-file"), ("--version", "entitled-sandbox ")):
        ended = subprocess.run([BIN / "entitled-sandbox", argument], capture_output=True, text=True,
                               check=True)
        assert wanted in ended.stdout


@pytest.mark.parametrize("arguments, said", [
    (["--port", "70000"], "'port' must be"),
    (["--nonsense"], "nonsense"),
    (["surplus"], "surplus"),
])
def test_a_wrong_command_line_is_refused(arguments, said):
    ended = subprocess.run([BIN / "entitled-sandbox", *arguments], capture_output=True, text=True)
    assert ended.returncode == 2 and said in ended.stderr


def test_a_world_with_a_typing_error_is_refused(tmp_path):
    world = tmp_path / "world.json"
    world.write_text('{"products": [{"code": "c", "id": "i", "seler": "1"}]}')
    ended = subprocess.run([BIN / "entitled-sandbox", "--world", world], capture_output=True,
                           text=True)
    assert ended.returncode == 1
    assert "products[0]: 'seler' is not known here" in ended.stderr


def test_a_world_can_be_saved_and_started_from(sandbox, tmp_path):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10, "plan": "gold"})
    sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 3, "storage_tb": 1.5})
    world = sandbox.world()
    with Sandbox(tmp_path, world=world) as second:
        assert second.world() == world
        resolved = Caller(second).call("ResolveCustomer", {"RegistrationToken": bought["token"]})
        assert resolved.body["LicenseArn"] == bought["license_arn"]


def test_a_signed_call_is_answered_with_a_request_id(aws):
    answer = aws.call("GetEntitlements", {"ProductCode": NEW})
    assert answer.status == 200 and answer.body == {"Entitlements": []}
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize("options, code", [
    ({"key": "AKIDUNKNOWN000000000"}, "UnrecognizedClientException"),
    ({"secret": "wrong"}, "InvalidSignatureException"),
    ({"token": "unasked"}, "UnrecognizedClientException"),
    ({"region": "eu-west-1"}, "InvalidSignatureException"),
    ({"service": "sqs"}, "InvalidSignatureException"),
])
def test_a_wrong_signature_is_refused_as_aws_does(sandbox, options, code):
    answer = Caller(sandbox, **options).call("GetEntitlements", {"ProductCode": NEW})
    assert (answer.status, answer.code) == (400, code)
    assert answer.headers["x-amzn-errortype"].split(":")[0] == code


def test_a_body_altered_after_signing_is_refused(aws):
    request = aws.request("GetEntitlements", {"ProductCode": NEW})
    request.data = json.dumps({"ProductCode": LEGACY}).encode()
    assert aws.send(request).code == "InvalidSignatureException"


@pytest.mark.parametrize("header", ["Authorization", "X-Amz-Date"])
def test_a_call_without_a_needed_header_is_refused(aws, header):
    request = aws.request("GetEntitlements", {"ProductCode": NEW})
    del request.headers[header]
    assert aws.send(request).code in ("MissingAuthenticationToken", "IncompleteSignature")


def test_a_target_that_was_not_signed_is_refused(aws):
    request = aws.request("ResolveCustomer", {"RegistrationToken": "x"})
    signed = request.headers["Authorization"].replace(";x-amz-target", "")
    request.headers.replace_header("Authorization", signed)
    answer = aws.send(request)
    assert answer.code == "InvalidSignatureException" and "x-amz-target" in answer.body["message"]


@pytest.mark.parametrize("minutes, code", [(-6, "InvalidSignatureException"),
                                           (6, "InvalidSignatureException"),
                                           (-20, "RequestExpired")])
def test_a_clock_that_is_off_is_refused(aws, monkeypatch, minutes, code):
    import datetime

    class Shifted(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return super().utcnow() + datetime.timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth.datetime, "datetime", Shifted)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).code == code


def test_sqs_errors_name_their_namespace_and_the_old_code_if_asked(sandbox):
    stranger = Caller(sandbox, key="AKIDUNKNOWN000000000")
    answer = stranger.call("ReceiveMessage", {"QueueUrl": "x"}, {"x-amzn-query-mode": "true"})
    assert answer.status == 403
    assert answer.code == "com.amazon.coral.service#UnrecognizedClientException"
    assert answer.headers["x-amzn-query-error"] == "InvalidClientTokenId;Sender"


@pytest.mark.parametrize("operation, body, code", [
    ("Nonsense", {}, "com.amazon.coral.service#UnknownOperationException"),
    ("GetEntitlements", b"{", "SerializationException"),
    ("GetEntitlements", b"[]", "SerializationException"),
    ("GetEntitlements", b"\xff\x00", "SerializationException"),
])
def test_garbage_is_refused(aws, operation, body, code):
    assert aws.call(operation, body).code == code


def test_the_wrong_content_type_is_refused(aws):
    answer = aws.call("GetEntitlements", {"ProductCode": NEW},
                      {"Content-Type": "application/x-amz-json-1.0"})
    assert answer.code == "UnknownOperationException"


def test_botocore_resolves_a_customer(sandbox):
    bought = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    client = botocore_client(sandbox, "meteringmarketplace")
    answer = client.resolve_customer(RegistrationToken=bought["token"])
    assert answer["ProductCode"] == LEGACY
    assert answer["CustomerIdentifier"] == bought["customer_identifier"]
    assert answer["CustomerAWSAccountId"] == BUYER
    with pytest.raises(client.exceptions.InvalidTokenException):
        client.resolve_customer(RegistrationToken="nonsense")
    with pytest.raises(client.exceptions.ExpiredTokenException):
        expired = sandbox.token(agreement=bought["agreement_id"], expired=True)
        client.resolve_customer(RegistrationToken=expired["token"])


def test_botocore_gets_entitlements_page_by_page(sandbox):
    for account in (BUYER, OTHER_BUYER):
        sandbox.buy(product=NEW, account=account, dimensions={
            "seats": 25, "storage_tb": 1.5, "sso": True, "plan": "gold"})
    client = botocore_client(sandbox, "marketplace-entitlement")
    pages = client.get_paginator("get_entitlements").paginate(
        ProductCode=NEW, PaginationConfig={"PageSize": 3})
    rows = [row for page in pages for row in page["Entitlements"]]
    assert [row["Value"] for row in rows] == 2 * [
        {"IntegerValue": 25}, {"DoubleValue": 1.5}, {"BooleanValue": True}, {"StringValue": "gold"}]
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.get_entitlements(ProductCode="nobody's")


def test_botocore_learns_who_it_is(sandbox):
    assert botocore_client(sandbox, "sts").get_caller_identity()["Account"] == SELLER
    stranger = botocore_client(sandbox, "sts", key="AKIDUNKNOWN000000000")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        stranger.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_every_call_is_logged_with_caller_parameters_and_outcome(sandbox, aws):
    aws.get_entitlements()
    Caller(sandbox, key="AKIDUNKNOWN000000000").call("GetEntitlements", {"ProductCode": NEW})
    first, second = sandbox.calls()
    assert (first["operation"], first["account"], first["outcome"]) == ("GetEntitlements", SELLER,
                                                                        "ok")
    assert first["parameters"] == {"ProductCode": NEW}
    assert (second["account"], second["outcome"]) == ("", "UnrecognizedClientException")
    assert sandbox.calls(since=first["number"]) == [second]
    log = sandbox.log()
    assert (log["counts"], log["errors"]) == ({"GetEntitlements": 2}, {"GetEntitlements": 1})


@pytest.mark.parametrize("verb, parameters, said", [
    ("nonsense", {}, "nonsense"),
    ("buy", {"product": "x", "account": BUYER, "dimensions": {}}, "no product"),
    ("buy", {"product": NEW, "account": "12", "dimensions": {}}, "twelve digits"),
    ("buy", {"product": NEW, "account": BUYER, "dimensions": {"beds": 1}}, "beds"),
    ("buy", {"product": NEW, "account": BUYER, "dimensions": {"seats": None}}, "seats"),
    ("buy", {"product": NEW, "account": BUYER, "dimensions": {"seats": 1}, "lose": ["x"]}, "'x'"),
    ("change", {"agreement": "nobody's"}, "no agreement"),
    ("renew", {"agreement": "x", "order": 3}, "order"),
    ("send_event", {"body": "x", "queue": "nowhere"}, "nowhere"),
    ("settings", {"quota": 3}, "quota"),
    ("settings", {"products": {NEW: {"generation": "legacy"}}}, "generation"),
    ("wait", {}, "needed"),
])
def test_wrong_verbs_are_refused_with_a_sentence(sandbox, verb, parameters, said):
    with pytest.raises(Refused, match=said):
        sandbox.verb(verb, **parameters)


def test_a_verb_waits_for_a_queue_to_be_emptied(sandbox, aws):
    sandbox.send_event(body="x")
    handle = aws.receive()[0]["ReceiptHandle"]
    emptied = threading.Thread(target=sandbox.wait_queue_empty)
    emptied.start()
    aws.sqs("DeleteMessage", ReceiptHandle=handle)
    emptied.join()
    assert sandbox.verb("wait", operation="GetEntitlements", timeout_ms=1) == {"happened": False}


def test_a_reset_drops_what_waits(sandbox, aws):
    request = aws.request("ReceiveMessage", {"QueueUrl": sandbox.queue_url, "WaitTimeSeconds": 20})
    ended = []

    def poll():
        with pytest.raises(http.client.RemoteDisconnected):
            aws.send(request)
        ended.append(True)

    waiting = threading.Thread(target=poll)
    waiting.start()
    sandbox.wait_calls("ReceiveMessage", 1)
    sandbox.reset()
    waiting.join()
    assert ended and sandbox.log()["calls"] == []


def test_what_is_not_spoken_says_what_is(sandbox):
    body = "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=x"
    request = urllib.request.Request(sandbox.url + "/", data=body.encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    said = refused.value.read().decode()
    assert "<Code>InvalidAction</Code>" in said and "http://queue.amazonaws.com/" in said
    assert "ReceiveMessage" in said and "AmazonSQS (AWS JSON 1.0)" in said and "STS (query" in said
    answer = Caller(sandbox).call("Nonsense", {})
    assert "AWSMPMeteringService" in answer.body["message"]
