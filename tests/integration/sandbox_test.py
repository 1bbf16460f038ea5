"""The sandbox is an AWS for clients that are not ours: botocore where its models know the operation,
and plain HTTP signed by botocore's signer where they do not."""
import base64
import hashlib
import html.parser
import http.client
import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.session
import pytest
from botocore.config import Config

from tests.support.process import BIN
from tests.support.sandbox import (ACCESS_KEY, BUYER, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY, LEGACY,
                                   NEW, SECRET_KEY, SELLER, Refused, Sandbox)

OTHER_BUYER = "222233334444"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def code(self):
        return self.body["__type"]


TARGETS = {
    "ResolveCustomer": ("AWSMPMeteringService", "aws-marketplace", "1.1"),
    "BatchMeterUsage": ("AWSMPMeteringService", "aws-marketplace", "1.1"),
    "GetEntitlements": ("AWSMPEntitlementService", "aws-marketplace", "1.1"),
}


class Caller:
    """Calls by hand, so that every part of a request can be wrong."""

    def __init__(self, sandbox, key=ACCESS_KEY, secret=SECRET_KEY, token=None, region="us-east-1",
                 service=None):
        self.sandbox = sandbox
        self.credentials = botocore.credentials.Credentials(key, secret, token)
        self.region = region
        self.service = service

    def request(self, operation, body, headers=None):
        prefix, service, version = TARGETS.get(operation, ("AmazonSQS", "sqs", "1.0"))
        request = botocore.awsrequest.AWSRequest(
            "POST", self.sandbox.url + "/", data=body if isinstance(body, bytes)
            else json.dumps(body).encode(),
            headers={"Content-Type": f"application/x-amz-json-{version}",
                     "X-Amz-Target": f"{prefix}.{operation}", **(headers or {})})
        botocore.auth.SigV4Auth(self.credentials, self.service or service,
                                self.region).add_auth(request)
        return request

    def send(self, request, timeout=60):
        connection = http.client.HTTPConnection(self.sandbox.address, timeout=timeout)
        try:
            connection.request("POST", "/", request.data, dict(request.headers.items()))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def call(self, operation, body=None, headers=None, timeout=60):
        return self.send(self.request(operation, body or {}, headers), timeout)

    def get_entitlements(self, product=NEW, **more):
        answer = self.call("GetEntitlements", {"ProductCode": product, **more})
        assert answer.status == 200, answer.raw
        return answer.body.get("Entitlements")

    def sqs(self, operation, queue="mp-events", **body):
        return self.call(operation, {"QueueUrl": f"{self.sandbox.url}/{SELLER}/{queue}", **body})

    def receive(self, **body):
        answer = self.sqs("ReceiveMessage", **body)
        assert answer.status == 200, answer.raw
        return answer.body.get("Messages", [])


@pytest.fixture
def aws(sandbox):
    return Caller(sandbox)


def botocore_client(sandbox, service, key=ACCESS_KEY, secret=SECRET_KEY):
    session = botocore.session.get_session()
    session.set_credentials(key, secret)
    return session.create_client(service, region_name="us-east-1", endpoint_url=sandbox.url,
                                 config=Config(retries={"total_max_attempts": 1}))


# The program.

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


# Signatures.

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


# botocore.

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


# GetEntitlements.

@pytest.mark.parametrize("body", [
    {},
    {"ProductCode": ""},
    {"ProductCode": NEW, "MaxResults": 0},
    {"ProductCode": NEW, "MaxResults": 26},
    {"ProductCode": NEW, "MaxResults": "25"},
    {"ProductCode": NEW, "NextToken": "nonsense"},
    {"ProductCode": NEW, "Filter": {"DIMENSION": []}},
    {"ProductCode": NEW, "Filter": {"DIMENSION": "seats"}},
    {"ProductCode": NEW, "Filter": {"COLOUR": ["red"]}},
    {"ProductCode": NEW, "Filter": {"CUSTOMER_IDENTIFIER": ["a"], "CUSTOMER_AWS_ACCOUNT_ID": ["b"]}},
])
def test_wrong_questions_are_refused(aws, body):
    answer = aws.call("GetEntitlements", body)
    assert (answer.status, answer.code) == (400, "InvalidParameterException")


def test_filters_or_their_values_and_and_each_other(sandbox, aws):
    first = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1, "pro_tier": 1})
    second = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 2})
    sandbox.buy(product=NEW, account=OTHER_BUYER, dimensions={"seats": 3})

    def seats(**filters):
        return sorted(row["Value"]["IntegerValue"] for row in aws.get_entitlements(Filter=filters)
                      if row["Dimension"] == "seats")

    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER]) == [1, 2]
    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER, OTHER_BUYER]) == [1, 2, 3]
    assert seats(LICENSE_ARN=[second["license_arn"]]) == [2]
    assert seats(LICENSE_ARN=[first["license_arn"]], CUSTOMER_AWS_ACCOUNT_ID=[OTHER_BUYER]) == []
    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER], DIMENSION=["pro_tier"]) == []
    assert seats(CUSTOMER_IDENTIFIER=["anybody"]) == []


def test_rows_have_the_members_of_their_generation(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    common = {"ProductCode", "Dimension", "CustomerAWSAccountId", "Value", "ExpirationDate"}
    assert set(aws.get_entitlements()[0]) == common | {"LicenseArn"}
    assert set(aws.get_entitlements(LEGACY)[0]) == common | {"CustomerIdentifier"}


def test_a_listing_opted_in_to_concurrent_agreements_shows_licences_once(sandbox, aws):
    first = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    with pytest.raises(Refused, match="concurrent"):
        sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 5})
    sandbox.settings(products={LEGACY: {"concurrent": True}})
    second = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 5})
    assert second["customer_identifier"] == first["customer_identifier"]
    rows = aws.get_entitlements(LEGACY, Filter={"CUSTOMER_IDENTIFIER": [first["customer_identifier"]]})
    assert [row["LicenseArn"] for row in rows] == [first["license_arn"], second["license_arn"]]
    resolved = aws.call("ResolveCustomer", {"RegistrationToken": first["token"]}).body
    assert set(resolved) == {"ProductCode", "CustomerIdentifier", "CustomerAWSAccountId",
                             "LicenseArn"}


def test_a_page_token_continues_only_its_own_question(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1, "pro_tier": 1})
    page = aws.call("GetEntitlements", {"ProductCode": NEW, "MaxResults": 1}).body
    token = page["NextToken"]
    rest = aws.call("GetEntitlements", {"ProductCode": NEW, "MaxResults": 1, "NextToken": token}).body
    assert [row["Dimension"] for row in rest["Entitlements"]] == ["pro_tier"]
    assert "NextToken" not in rest
    other = aws.call("GetEntitlements", {"ProductCode": NEW, "Filter": {"DIMENSION": ["seats"]},
                                         "NextToken": token})
    assert other.code == "InvalidParameterException"


def test_another_account_sees_nothing_and_resolves_nothing(sandbox):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    foreign = Caller(sandbox, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)
    assert foreign.get_entitlements() == []
    answer = foreign.call("ResolveCustomer", {"RegistrationToken": bought["token"]})
    assert answer.code == "InvalidTokenException"


def test_entitlements_can_come_late(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1}, entitlements_after=2)
    assert sandbox.events() == ["Purchase Agreement Created - Proposer"]
    assert aws.get_entitlements() == []
    assert aws.get_entitlements() == []
    assert len(aws.get_entitlements()) == 1
    assert sandbox.events()[1:] == ["License Updated - Manufacturer"]


def test_a_date_that_passes_ends_the_agreement_unless_aws_is_late(sandbox, aws):
    past = int(time.time()) - 10
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1}, expires_at=past)
    late = sandbox.buy(product=NEW, account=OTHER_BUYER, dimensions={"seats": 1}, expires_at=past,
                       expiry_lag_s=-1)
    rows = aws.get_entitlements()
    assert [(row["LicenseArn"], row["ExpirationDate"]) for row in rows] == [
        (late["license_arn"], past)]
    assert sandbox.world()["agreements"][0]["status"] == "EXPIRED"


@pytest.mark.parametrize("wrong", [{"quota_per_second": -1}, {"token_lifetime_s": -1}, {"region": ""},
                                   {"registration_url": ""}, {"container_token": ""}])
def test_settings_that_make_no_world_are_refused(sandbox, wrong):
    with pytest.raises(Refused, match="must not be"):
        sandbox.settings(**wrong)
    assert sandbox.settings() is not None


def test_the_quota_is_kept_and_counted(sandbox, aws):
    sandbox.settings(quota_per_second=3)
    requests = [aws.request("GetEntitlements", {"ProductCode": NEW}) for _ in range(8)]
    answers = [aws.send(request) for request in requests]
    refused = [answer for answer in answers if answer.status != 200]
    log = sandbox.log()
    assert all(answer.code == "ThrottlingException" for answer in refused)
    assert len(refused) == log["get_entitlements_over_quota"]
    assert log["get_entitlements_peak_per_second"] > 3 and refused


# The turns of a contract.

def test_a_renewal_can_be_told_in_either_order_and_lose_a_notice(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10}, lose="all")
    renewed = sandbox.renew(agreement=bought["agreement_id"], order="created_first")
    assert sandbox.events() == [
        "Purchase Agreement Created - Proposer", "License Updated - Manufacturer",
        "Purchase Agreement Ended - Proposer", "License Deprovisioned - Manufacturer"]
    created, _, ended, _ = sandbox.messages()
    assert created["detail"]["agreement"]["previousAgreementId"] == bought["agreement_id"]
    assert ended["detail"]["agreement"]["status"] == "RENEWED"
    assert renewed["license_arn"] != bought["license_arn"]
    assert renewed["expires_at"] > bought["expires_at"]
    kept = sandbox.renew(agreement=renewed["agreement_id"], keep_license=True, with_previous=False,
                         lose=["updated"])
    assert kept["license_arn"] == renewed["license_arn"]
    assert sandbox.events()[4:] == ["Purchase Agreement Ended - Proposer",
                                    "Purchase Agreement Created - Proposer"]
    assert [row["LicenseArn"] for row in aws.get_entitlements()] == [kept["license_arn"]]


def test_changing_replacing_and_ending(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    sandbox.change(agreement=bought["license_arn"], dimensions={"seats": 25})
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 25}
    replaced = sandbox.replace(agreement=bought["agreement_id"], dimensions={"seats": 7})
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 7}
    with pytest.raises(Refused, match="REPLACED"):
        sandbox.cancel(agreement=bought["agreement_id"])
    sandbox.cancel(agreement=replaced["agreement_id"])
    assert aws.get_entitlements() == []
    assert sandbox.events()[-2:] == ["Purchase Agreement Ended - Proposer",
                                     "License Deprovisioned - Manufacturer"]


def test_a_legacy_listing_speaks_sns(sandbox):
    bought = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10}, free_trial=True)
    message = json.loads(sandbox.messages()[0]["Message"])
    assert message["isFreeTrialTermPresent"] == "true"
    assert bought["form"]["fields"]["x-amzn-marketplace-offer-type"] == "free-trial"
    sandbox.change(agreement=bought["agreement_id"], dimensions={"seats": 25})
    sandbox.renew(agreement=bought["agreement_id"])
    assert sandbox.events() == ["subscribe-success"] + 3 * ["entitlement-updated"]
    sandbox.settings(products={LEGACY: {"raw_delivery": True}})
    other = sandbox.buy(product=LEGACY, account=OTHER_BUYER, dimensions={"seats": 1}, pending_s=3600)
    sandbox.subscribe_fail(agreement=other["agreement_id"])
    assert sandbox.messages()[4]["action"] == "subscribe-fail"
    assert sandbox.messages()[4]["customer-identifier"] == other["customer_identifier"]


@pytest.mark.parametrize("version, digest", [(1, "sha1"), (2, "sha256")])
def test_sns_messages_are_really_signed(sandbox, tmp_path, version, digest):
    sandbox.settings(products={LEGACY: {"signature_version": version}})
    sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    envelope = sandbox.messages()[0]
    path = envelope["SigningCertURL"].removeprefix(sandbox.url)
    connection = http.client.HTTPConnection(sandbox.address)
    connection.request("GET", path)
    (tmp_path / "cert.pem").write_bytes(connection.getresponse().read())
    connection.close()
    key = subprocess.run(["openssl", "x509", "-in", tmp_path / "cert.pem", "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["Signature"]))
    text = "".join(f"{name}\n{envelope[name]}\n" for name in (
        "Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    (tmp_path / "text").write_text(text)
    subprocess.run(["openssl", "dgst", f"-{digest}", "-verify", tmp_path / "key.pem", "-signature",
                    tmp_path / "signature", tmp_path / "text"], check=True, capture_output=True)
    assert envelope["SignatureVersion"] == str(version)


# SQS.

def test_messages_are_received_with_digest_and_attributes_and_deleted(sandbox, aws):
    sandbox.send_event(body="text with ümlaut")
    sandbox.send_event(body={"json": True})
    messages = aws.receive(MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert [message["Body"] for message in messages] == ["text with ümlaut", '{"json":true}']
    for message in messages:
        assert message["MD5OfBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert aws.receive() == []
    entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
               for i, message in enumerate(messages)]
    entries.append({"Id": "bad", "ReceiptHandle": "nonsense"})
    batch = aws.sqs("DeleteMessageBatch", Entries=entries)
    assert batch.status == 200
    assert batch.body["Successful"] == [{"Id": "0"}, {"Id": "1"}]
    assert [(failed["Id"], failed["Code"], failed["SenderFault"])
            for failed in batch.body["Failed"]] == [("bad", "ReceiptHandleIsInvalid", True)]
    assert sandbox.messages() == []


def test_a_long_poll_wakes_at_once(sandbox, aws):
    answers = []
    poll = threading.Thread(target=lambda: answers.append(aws.receive(WaitTimeSeconds=20)))
    poll.start()
    sandbox.wait_calls("ReceiveMessage", 1)
    assert sandbox.calls("ReceiveMessage")[0]["outcome"] is None
    sent = time.monotonic()
    sandbox.send_event(body="wake")
    poll.join()
    assert answers[0][0]["Body"] == "wake" and time.monotonic() - sent < 5


def test_a_long_poll_wakes_when_a_message_is_given_back(sandbox, aws):
    sandbox.send_event(body="again")
    held = aws.receive(VisibilityTimeout=600)[0]
    answers = []
    poll = threading.Thread(target=lambda: answers.append(
        aws.receive(WaitTimeSeconds=20, MessageSystemAttributeNames=["ApproximateReceiveCount"])))
    poll.start()
    sandbox.wait_calls("ReceiveMessage", 2)
    assert aws.sqs("ChangeMessageVisibility", ReceiptHandle=held["ReceiptHandle"],
                   VisibilityTimeout=0).status == 200
    poll.join()
    again = answers[0][0]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert again["ReceiptHandle"] != held["ReceiptHandle"]
    # The handle of an earlier receive succeeds and deletes nothing.
    assert aws.sqs("DeleteMessage", ReceiptHandle=held["ReceiptHandle"]).status == 200
    assert sandbox.messages() == ["again"]
    gone = aws.sqs("ChangeMessageVisibility", ReceiptHandle=held["ReceiptHandle"],
                   VisibilityTimeout=5)
    assert gone.code == "com.amazonaws.sqs#MessageNotInflight"


def test_a_long_poll_whose_caller_went_away_takes_nothing(sandbox, aws):
    request = aws.request("ReceiveMessage", {"QueueUrl": sandbox.queue_url, "WaitTimeSeconds": 20})
    connection = http.client.HTTPConnection(sandbox.address)
    connection.request("POST", "/", request.data, dict(request.headers.items()))
    sandbox.wait_calls("ReceiveMessage", 1)
    connection.close()
    while sandbox.calls("ReceiveMessage")[0]["outcome"] != "abandoned":
        pass
    sandbox.send_event(body="kept")
    assert [message["Body"] for message in aws.receive()] == ["kept"]


@pytest.mark.parametrize("operation, body, code", [
    ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValueException"),
    ("ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValueException"),
    ("ReceiveMessage", {"VisibilityTimeout": 43201}, "InvalidParameterValueException"),
    ("DeleteMessage", {"ReceiptHandle": "nonsense"}, "ReceiptHandleIsInvalid"),
    ("DeleteMessage", {}, "MissingRequiredParameterException"),
    ("ChangeMessageVisibility", {"ReceiptHandle": "AQEB", "VisibilityTimeout": 1},
     "ReceiptHandleIsInvalid"),
    ("DeleteMessageBatch", {"Entries": []}, "EmptyBatchRequest"),
    ("DeleteMessageBatch", {"Entries": [{"Id": str(i), "ReceiptHandle": "x"} for i in range(11)]},
     "TooManyEntriesInBatchRequest"),
    ("DeleteMessageBatch", {"Entries": 2 * [{"Id": "a", "ReceiptHandle": "x"}]},
     "BatchEntryIdsNotDistinct"),
    ("DeleteMessageBatch", {"Entries": [{"Id": "a b", "ReceiptHandle": "x"}]},
     "InvalidBatchEntryId"),
])
def test_what_sqs_refuses_is_refused(aws, operation, body, code):
    answer = aws.sqs(operation, **body)
    assert (answer.status, answer.code.split("#")[1]) == (400, code)


def test_a_queue_that_is_not_there(sandbox):
    aws = Caller(sandbox)
    answer = aws.call("ReceiveMessage", {"QueueUrl": f"{sandbox.url}/{SELLER}/nowhere"},
                      {"x-amzn-query-mode": "true"})
    assert answer.code == "com.amazonaws.sqs#QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    foreign = Caller(sandbox, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)
    assert foreign.sqs("ReceiveMessage").code == "com.amazonaws.sqs#QueueDoesNotExist"


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_and_back(sandbox, aws):
    sandbox.settings(queues={"mp-events": {"max_receive_count": 2}})
    sandbox.send_event(body="poison")
    for _ in range(2):
        assert aws.receive(VisibilityTimeout=0)
    assert aws.receive() == []
    dead = aws.sqs("ReceiveMessage", queue="mp-events-dlq", VisibilityTimeout=0,
                   MessageSystemAttributeNames=["DeadLetterQueueSourceArn"]).body["Messages"]
    assert dead[0]["Attributes"] == {
        "DeadLetterQueueSourceArn": f"arn:aws:sqs:us-east-1:{SELLER}:mp-events"}
    assert sandbox.redrive() == {"moved": 1}
    assert [message["Body"] for message in aws.receive()] == ["poison"]


def test_a_messenger_takes_what_a_queue_holds_and_puts_it_into_another(sandbox, aws):
    for body in ("one", "two"):
        sandbox.send_event(body=body, queue="mp-events-dlq")
    assert sandbox.take(queue="mp-events-dlq") == {"bodies": ["one", "two"]}
    assert sandbox.take(queue="mp-events-dlq") == {"bodies": []}
    with pytest.raises(Refused, match="no queue is called nowhere"):
        sandbox.take(queue="nowhere")
    sandbox.send_event(body="two")
    assert [message["Body"] for message in aws.receive()] == ["two"]


def test_queue_url_attributes_and_sending(sandbox, aws):
    assert aws.call("GetQueueUrl", {"QueueName": "mp-events"}).body["QueueUrl"] == sandbox.queue_url
    sent = aws.sqs("SendMessage", MessageBody='{"probe":1}').body
    assert sent["MD5OfMessageBody"] == "1e6150203acaa9577ef0dcce5f2a122a"
    aws.sqs("SendMessage", MessageBody="later", DelaySeconds=900)
    attributes = aws.sqs("GetQueueAttributes", AttributeNames=["All"]).body["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{SELLER}:mp-events-dlq",
        "maxReceiveCount": 10}
    assert aws.sqs("GetQueueAttributes").body == {}


def test_a_queue_shows_its_policy_as_a_text_and_none_where_there_is_none(sandbox, aws):
    def policy():
        return aws.sqs("GetQueueAttributes", AttributeNames=["Policy"]).body.get("Attributes", {}).get("Policy")

    statement, = json.loads(policy())["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    sandbox.settings(queues={"mp-events": {"policy": "not even JSON"}})
    assert policy() == "not even JSON"
    sandbox.settings(queues={"mp-events": {"policy": "", "kms_key": "alias/aws/sqs"}})
    assert policy() is None
    assert aws.sqs("GetQueueAttributes", AttributeNames=["KmsMasterKeyId"]).body["Attributes"] == {
        "KmsMasterKeyId": "alias/aws/sqs"}


# Faults.

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


# The log and the verbs.

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


# Usage.

def usage(bought, **more):
    return {"Timestamp": int(time.time()), "CustomerAWSAccountId": bought["account"],
            "LicenseArn": bought["license_arn"], "Dimension": "api_calls", "Quantity": 42, **more}


def test_usage_is_taken_once_per_licence_dimension_and_hour(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    now = int(time.time())
    hour = now - now % 3600
    # The same hour thrice: taken, told again, told differently.
    records = [usage(bought, Timestamp=hour), usage(bought, Timestamp=hour),
               usage(bought, Timestamp=hour, Quantity=43), usage(bought, Dimension="storage_gb")]
    answer = aws.call("BatchMeterUsage", {"UsageRecords": records}).body
    assert [result["Status"] for result in answer["Results"]] == [
        "Success", "Success", "DuplicateRecord", "Success"]
    assert answer["UnprocessedRecords"] == []
    ids = [result["MeteringRecordId"] for result in answer["Results"]]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [taken["quantity"] for taken in sandbox.world()["usage"]] == [42, 42]


@pytest.mark.parametrize("change, code", [
    ({"Dimension": "seats"}, "InvalidUsageDimensionException"),
    ({"Timestamp": 0}, "TimestampOutOfBoundsException"),
    ({"Quantity": -1}, "ValidationException"),
    ({"LicenseArn": "arn:aws:license-manager::1:license:l-0"}, "InvalidLicenseException"),
    ({"CustomerAWSAccountId": OTHER_BUYER}, "InvalidLicenseException"),
    ({"CustomerIdentifier": "both"}, "InvalidCustomerIdentifierException"),
    ({"UsageAllocations": [{"AllocatedUsageQuantity": 1}]}, "InvalidUsageAllocationsException"),
    ({"UsageAllocations": 2 * [{"AllocatedUsageQuantity": 21}]},
     "InvalidUsageAllocationsException"),
    ({"UsageAllocations": [{"AllocatedUsageQuantity": 42, "Tags": [{"Key": "", "Value": "x"}]}]},
     "InvalidTagException"),
])
def test_one_wrong_usage_record_refuses_the_batch(sandbox, aws, change, code):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    answer = aws.call("BatchMeterUsage",
                      {"UsageRecords": [usage(bought), usage(bought, **change)]})
    assert (answer.status, answer.code) == (400, code)
    assert sandbox.world()["usage"] == []


def test_botocore_meters_a_legacy_customer(sandbox):
    import datetime
    bought = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    client = botocore_client(sandbox, "meteringmarketplace")
    record = {"Timestamp": datetime.datetime.now(datetime.timezone.utc), "Dimension": "api_calls",
              "CustomerIdentifier": bought["customer_identifier"], "Quantity": 7,
              "UsageAllocations": [{"AllocatedUsageQuantity": 7,
                                    "Tags": [{"Key": "team", "Value": "blue"}]}]}
    answer = client.batch_meter_usage(ProductCode=LEGACY, UsageRecords=[record])
    assert [result["Status"] for result in answer["Results"]] == ["Success"]
    with pytest.raises(client.exceptions.InvalidCustomerIdentifierException):
        client.batch_meter_usage(ProductCode=LEGACY,
                                 UsageRecords=[{**record, "CustomerIdentifier": "nobody"}])
    with pytest.raises(client.exceptions.InvalidProductCodeException):
        client.batch_meter_usage(ProductCode="nobody's", UsageRecords=[record])


# Credentials.

def get(sandbox, path, method="GET", **headers):
    connection = http.client.HTTPConnection(sandbox.address)
    try:
        connection.request(method, path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def test_botocore_assumes_roles(sandbox):
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/entitled", "RoleSessionName": "test"}
    sts = botocore_client(sandbox, "sts", FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)
    given = sts.assume_role(**role, ExternalId="shared", DurationSeconds=900)["Credentials"]
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert aws.get_entitlements() == []
    assert sandbox.calls("GetEntitlements")[0]["account"] == SELLER
    without_token = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"])
    assert without_token.call("GetEntitlements").code == "UnrecognizedClientException"
    with pytest.raises(botocore.exceptions.ClientError, match="sts:AssumeRole on res") as refused:
        sts.assume_role(RoleArn="arn:aws:iam::999988887777:role/x", RoleSessionName="test")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def web_token(**claims):
    claims = {"iss": "https://issuer.example", "sub": "pod", "aud": ["sts.amazonaws.com"], **claims}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": "none"}, claims)]
    return ".".join([*parts, "signature"])


def test_botocore_assumes_a_role_with_a_web_identity(sandbox):
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/entitled", "RoleSessionName": "test"}
    sts = botocore_client(sandbox, "sts")
    answer = sts.assume_role_with_web_identity(
        **role, WebIdentityToken=web_token(exp=time.time() + 60))
    assert answer["SubjectFromWebIdentityToken"] == "pod"
    assert answer["Audience"] == "sts.amazonaws.com"
    assert answer["Provider"] == "https://issuer.example"
    given = answer["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    session = botocore.session.get_session()
    session.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    me = session.create_client("sts", region_name="us-east-1",
                               endpoint_url=sandbox.url).get_caller_identity()
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert me["UserId"].startswith("AROA") and me["UserId"].endswith(":test")
    assert me["Arn"] == answer["AssumedRoleUser"]["Arn"]
    for token, code in (("nonsense", "InvalidIdentityToken"),
                        (web_token(sub=""), "InvalidIdentityToken"),
                        (web_token(exp=1), "ExpiredTokenException")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            sts.assume_role_with_web_identity(**role, WebIdentityToken=token)
        assert refused.value.response["Error"]["Code"] == code


def test_the_instance_metadata_service_wants_a_token(sandbox):
    roles = "/latest/meta-data/iam/security-credentials/"
    assert get(sandbox, roles).status == 401
    assert get(sandbox, "/latest/api/token", "PUT").status == 400
    assert get(sandbox, "/latest/api/token", "PUT", X_Forwarded_For="10.0.0.1",
               x_aws_ec2_metadata_token_ttl_seconds="60").status == 403
    token = get(sandbox, "/latest/api/token", "PUT",
                x_aws_ec2_metadata_token_ttl_seconds="60").raw.decode()
    role = get(sandbox, roles, x_aws_ec2_metadata_token=token).raw.decode()
    given = get(sandbox, roles + role, x_aws_ec2_metadata_token=token).body
    assert given["Code"] == "Success"
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    assert aws.get_entitlements() == []
    region = get(sandbox, "/latest/meta-data/placement/region", x_aws_ec2_metadata_token=token)
    assert region.raw == b"us-east-1"


def test_botocore_finds_container_and_instance_credentials(sandbox, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", sandbox.url)
    given = botocore.session.get_session().get_credentials()
    assert given.method == "iam-role" and given.access_key.startswith("ASIA")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", sandbox.url + "/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "sandbox-container-token")
    given = botocore.session.get_session().get_credentials()
    assert given.method == "container-role" and given.access_key.startswith("ASIA")
    assert get(sandbox, "/v1/credentials", Authorization="wrong").status == 401


def test_credentials_end(sandbox):
    sandbox.settings(credentials_lifetime_s=-1)
    given = get(sandbox, "/v2/credentials/task").body
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    answer = aws.call("GetEntitlements", {"ProductCode": NEW})
    assert answer.code == "ExpiredTokenException"
    assert answer.body["message"] == "The security token included in the request is expired"


def task_credentials(sandbox):
    given = get(sandbox, "/v2/credentials/task").body
    return given, Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])


def test_credentials_end_on_demand(sandbox):
    _, aws = task_credentials(sandbox)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    assert sandbox.expire_credentials() == {"expired": 1}
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).code == "ExpiredTokenException"
    _, aws = task_credentials(sandbox)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    assert Caller(sandbox).call("GetEntitlements", {"ProductCode": NEW}).status == 200


def test_faults_hit_whoever_gives_credentials(sandbox):
    for kind, status in (("throttle", 503), ("error500", 500), ("empty", 200)):
        sandbox.fault(operation="ContainerCredentials", kind=kind)
        assert get(sandbox, "/v2/credentials/task").status == status
    sandbox.fault(operation="ContainerCredentials", kind="missing_member", member="Token")
    assert "Token" not in get(sandbox, "/v2/credentials/task").body
    sandbox.fault(operation="ContainerCredentials", kind="stale")
    given, aws = task_credentials(sandbox)
    assert given["Expiration"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    sandbox.fault(operation="InstanceMetadata", kind="throttle")
    assert get(sandbox, "/latest/api/token", "PUT").status == 503
    assert sandbox.counts()["ContainerCredentials"] == 5
    with pytest.raises(Refused):
        sandbox.fault(operation="InstanceMetadata", kind="reorder")


def test_roles_may_ask_for_an_external_id(sandbox):
    sts = botocore_client(sandbox, "sts")
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/app", "RoleSessionName": "test"}
    sandbox.settings(external_id="x-1")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        sts.assume_role(**role)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert sts.assume_role(**role, ExternalId="x-1")["Credentials"]["AccessKeyId"]


# The page.

class Page(html.parser.HTMLParser):
    """The forms and texts of a page, as a reader without script finds them."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.texts, self.labelled, self.inside_label = [], [], True, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "label":
            self.inside_label = True
        if tag == "form":
            self.forms.append((attributes["action"], {}))
        if tag in ("input", "select") and attributes.get("type") != "hidden":
            self.labelled &= self.inside_label
        if tag == "input":
            self.forms[-1][1][attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag):
        if tag == "label":
            self.inside_label = False

    def handle_data(self, data):
        self.texts.append(data)

    def form(self, action):
        return dict(next(fields for at, fields in self.forms if at.endswith(action)))


class Visitor:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    def get(self):
        with urllib.request.urlopen(self.sandbox.url + "/") as response:
            return Page(response.read().decode())

    def post(self, verb, **fields):
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"{self.sandbox.url}/_sandbox/page/{verb}", data) as response:
            return Page(response.read().decode())


def test_a_person_buys_and_is_sent_to_the_seller(sandbox):
    sandbox.settings(registration_url="http://127.0.0.1:9/register?a=1&b=2")
    visitor = Visitor(sandbox)
    start = visitor.get()
    assert start.labelled and start.form("buy")["account"] == BUYER
    bought = visitor.post("buy", product=NEW, account=BUYER, free_trial="true",
                          dimensions="seats=10, plan=<gold>, sso=true, storage_tb=1.5")
    agreement = sandbox.world()["agreements"][0]
    assert {row["dimension"]: row["value"] for row in agreement["entitlements"]} == {
        "seats": 10, "plan": "<gold>", "sso": True, "storage_tb": 1.5}
    action, fields = bought.forms[0]
    assert action == "http://127.0.0.1:9/register?a=1&b=2"
    assert fields["x-amzn-marketplace-offer-type"] == "free-trial"
    resolved = Caller(sandbox).call("ResolveCustomer", {
        "RegistrationToken": fields["x-amzn-marketplace-token"]}).body
    assert resolved["LicenseArn"] == agreement["license_arn"]
    assert '"<gold>"' in "".join(visitor.get().texts)


def test_a_person_plays_every_turn_of_a_contract(sandbox, aws):
    visitor = Visitor(sandbox)
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    page = visitor.post("change", agreement=bought["agreement_id"], dimensions="seats=25")
    assert "seats = 25" in "".join(page.texts)
    visitor.post("renew", **page.form("renew"))
    renewed = sandbox.world()["agreements"][-1]
    assert renewed["previous"] == bought["agreement_id"]
    visitor.post("replace", agreement=renewed["id"], dimensions="seats=5")
    visitor.post("cancel", agreement=sandbox.world()["agreements"][-1]["id"])
    other = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    assert visitor.post("token", agreement=other["agreement_id"]).forms[0][1][
        "x-amzn-marketplace-token"]
    visitor.post("expire", agreement=other["agreement_id"])
    assert [agreement["status"] for agreement in sandbox.world()["agreements"]] == [
        "RENEWED", "REPLACED", "CANCELLED", "EXPIRED"]


def test_a_wrong_form_is_answered_with_the_page_and_the_reason(sandbox):
    for verb, fields, status, said in (
            ("buy", {"product": NEW, "account": "<12>", "dimensions": "seats=1"}, 400, "twelve"),
            ("cancel", {"agreement": "<b>"}, 400, "no agreement is called <b>"),
            ("reset", {}, 404, "no such form")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            Visitor(sandbox).post(verb, **fields)
        assert refused.value.code == status
        assert said in "".join(Page(refused.value.read().decode()).texts)


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nowhere", 404), ("POST", "/", 404), ("GET", "/_sandbox/buy", 405),
    ("GET", "/_sandbox/nonsense", 404), ("DELETE", "/_sandbox/world", 405),
])
def test_other_requests_are_refused(sandbox, method, path, status):
    assert get(sandbox, path, method).status == status


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


# What senders say beside the body, several messages at once, order.

def attribute_digest(attributes):
    """"Calculating the MD5 message digest for message attributes", Amazon SQS developer guide."""
    digest = hashlib.md5()

    def sized(data):
        digest.update(len(data).to_bytes(4, "big") + data)

    for name, attribute in sorted(attributes.items()):
        sized(name.encode())
        sized(attribute["DataType"].encode())
        binary = "BinaryValue" in attribute
        digest.update(b"\x02" if binary else b"\x01")
        sized(base64.b64decode(attribute["BinaryValue"]) if binary
              else attribute["StringValue"].encode())
    return digest.hexdigest()


ATTRIBUTES = {"trace.id": {"DataType": "String", "StringValue": "t-1 é"},
              "trace.hops": {"DataType": "Number.int", "StringValue": "-12.5"},
              "bytes": {"DataType": "Binary.gif", "BinaryValue": base64.b64encode(b"\x00\xff").decode()}}


def test_message_attributes_are_kept_and_proved(aws):
    sent = aws.sqs("SendMessage", MessageBody="hello", MessageAttributes=ATTRIBUTES).body
    assert sent["MD5OfMessageAttributes"] == attribute_digest(ATTRIBUTES)
    message, = aws.receive(MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["MD5OfMessageAttributes"] == attribute_digest(ATTRIBUTES)
    for names in (["trace.*"], ["trace.id", "trace.hops", "other"]):
        message, = aws.receive(MessageAttributeNames=names, VisibilityTimeout=0)
        some = {name: ATTRIBUTES[name] for name in ("trace.id", "trace.hops")}
        assert message["MessageAttributes"] == some
        assert message["MD5OfMessageAttributes"] == attribute_digest(some)
    message, = aws.receive()
    assert "MessageAttributes" not in message and "MD5OfMessageAttributes" not in message


def test_the_digest_is_the_one_that_other_implementations_give(aws):
    attributes = {"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}}
    sent = aws.sqs("SendMessage", MessageBody="x", MessageAttributes=attributes).body
    assert sent["MD5OfMessageAttributes"] == "235c5c510d26fb653d073faed50ae77c"


@pytest.mark.parametrize("attributes", [
    {"a": {"DataType": "String"}}, {"a": {"DataType": "String", "StringValue": ""}},
    {"a": {"StringValue": "x"}}, {"a": {"DataType": "Text", "StringValue": "x"}},
    {"a": {"DataType": "Stringy", "StringValue": "x"}},
    {"a": {"DataType": "Number", "StringValue": "ten"}},
    {"a": {"DataType": "Binary", "BinaryValue": "*"}},
    {"a": {"DataType": "String", "StringValue": "\x01"}},
    {"AWS.a": {"DataType": "String", "StringValue": "x"}},
    {".a": {"DataType": "String", "StringValue": "x"}},
    {"a..b": {"DataType": "String", "StringValue": "x"}},
    {"a b": {"DataType": "String", "StringValue": "x"}},
    {f"a{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)},
])
def test_wrong_attributes_are_refused(aws, attributes):
    answer = aws.sqs("SendMessage", MessageBody="x", MessageAttributes=attributes)
    assert answer.status == 400 and answer.code.endswith("#InvalidParameterValueException")
    assert aws.receive() == []


def test_a_trace_header_comes_back(aws):
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988"}}
    sent = aws.sqs("SendMessage", MessageBody="x", MessageSystemAttributes=header).body
    assert sent["MD5OfMessageSystemAttributes"] == attribute_digest(header)
    message, = aws.receive(MessageSystemAttributeNames=["AWSTraceHeader"])
    assert message["Attributes"] == {"AWSTraceHeader": "Root=1-5759e988"}
    other = {"Other": {"DataType": "String", "StringValue": "x"}}
    assert aws.sqs("SendMessage", MessageBody="x", MessageSystemAttributes=other).status == 400


@pytest.mark.parametrize("body", ["\x01", "a\x0bb", "\ufffe", "\uffff"])
def test_a_body_with_forbidden_characters_is_refused(aws, body):
    answer = aws.sqs("SendMessage", MessageBody=body)
    assert answer.code == "com.amazonaws.sqs#InvalidMessageContents"
    assert aws.sqs("SendMessage", MessageBody="\t\n\r \U0001f600\ufffd").status == 200


@pytest.mark.parametrize("operation, member", [
    ("ReceiveMessage", "AttributeNames"), ("ReceiveMessage", "MessageSystemAttributeNames"),
    ("GetQueueAttributes", "AttributeNames")])
def test_unknown_attribute_names_are_refused(aws, operation, member):
    answer = aws.sqs(operation, **{member: ["All", "Colour"]})
    assert answer.code == "com.amazonaws.sqs#InvalidAttributeName"
    assert "Colour" in answer.body["message"]


def test_all_attributes_of_a_queue(aws):
    attributes = aws.sqs("GetQueueAttributes", AttributeNames=["All"]).body["Attributes"]
    assert set(attributes) == {
        "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "DelaySeconds",
        "LastModifiedTimestamp", "MaximumMessageSize", "MessageRetentionPeriod", "Policy", "QueueArn",
        "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout"}
    assert all(isinstance(value, str) for value in attributes.values())
    assert attributes["SqsManagedSseEnabled"] == "true" and int(attributes["CreatedTimestamp"]) > 10 ** 9


def test_a_batch_is_sent_and_answers_for_each(aws):
    entries = [{"Id": "a", "MessageBody": "one", "MessageAttributes": ATTRIBUTES},
               {"Id": "b", "MessageBody": "\x01"}, {"Id": "c"},
               {"Id": "d", "MessageBody": "four", "DelaySeconds": 901},
               {"Id": "e", "MessageBody": "five"}]
    answer = aws.sqs("SendMessageBatch", Entries=entries).body
    assert [one["Id"] for one in answer["Successful"]] == ["a", "e"]
    first = answer["Successful"][0]
    assert first["MD5OfMessageBody"] == hashlib.md5(b"one").hexdigest() and first["MessageId"]
    assert first["MD5OfMessageAttributes"] == attribute_digest(ATTRIBUTES)
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("b", "InvalidMessageContents", True), ("c", "MissingRequiredParameterException", True),
        ("d", "InvalidParameterValueException", True)]
    assert sorted(one["Body"] for one in aws.receive(MaxNumberOfMessages=10)) == ["five", "one"]


@pytest.mark.parametrize("entries, code", [
    ([], "EmptyBatchRequest"), ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
    ([{"Id": str(i), "MessageBody": "x"} for i in range(11)], "TooManyEntriesInBatchRequest"),
    ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
    ([{"Id": str(i), "MessageBody": "x" * 600000} for i in range(2)], "BatchRequestTooLong"),
])
def test_a_wrong_batch_of_messages_is_refused_whole(aws, entries, code):
    assert aws.sqs("SendMessageBatch", Entries=entries).code == f"com.amazonaws.sqs#{code}"


@pytest.fixture
def ordered(tmp_path):
    """A sandbox with a FIFO queue."""
    with Sandbox(tmp_path) as plain:
        world = plain.world()
    world["queues"].append({"name": "ordered.fifo", "account": SELLER, "messages": []})
    with Sandbox(tmp_path, world=world) as sandbox:
        yield sandbox


def test_a_fifo_queue_asks_for_group_and_deduplication(ordered):
    aws = Caller(ordered)

    def send(**members):
        return aws.sqs("SendMessage", "ordered.fifo", MessageBody="x", **members)

    assert send(MessageDeduplicationId="1").code.endswith("#MissingRequiredParameterException")
    assert send(MessageGroupId="g").code.endswith("#InvalidParameterValueException")
    assert send(MessageGroupId="g", MessageDeduplicationId="a b").status == 400
    assert send(MessageGroupId="g", MessageDeduplicationId="1", DelaySeconds=1).status == 400
    first = send(MessageGroupId="g", MessageDeduplicationId="1").body
    again = send(MessageGroupId="h", MessageDeduplicationId="1").body
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"],
                                                            first["SequenceNumber"])
    assert len(first["SequenceNumber"]) == 20
    ordered.settings(queues={"ordered.fifo": {"content_based_deduplication": True}})
    for _ in range(2):
        assert send(MessageGroupId="g").status == 200
    assert len(ordered.messages("ordered.fifo")) == 2
    attributes = aws.sqs("GetQueueAttributes", "ordered.fifo", AttributeNames=["All"]).body["Attributes"]
    assert attributes["FifoQueue"] == attributes["ContentBasedDeduplication"] == "true"
    plain = aws.sqs("SendMessage", MessageBody="x", MessageDeduplicationId="1")
    assert plain.code.endswith("#InvalidParameterValueException")


def test_a_group_of_a_fifo_queue_is_received_in_order(ordered):
    aws = Caller(ordered)
    for number, group in enumerate("aab"):
        aws.sqs("SendMessage", "ordered.fifo", MessageBody=f"{group}{number}", MessageGroupId=group,
                MessageDeduplicationId=str(number))

    def receive(count=1, **more):
        answer = aws.sqs("ReceiveMessage", "ordered.fifo", MaxNumberOfMessages=count,
                         MessageSystemAttributeNames=["All"], **more)
        return answer.body.get("Messages", [])

    first, = receive()
    assert first["Body"] == "a0" and first["Attributes"]["MessageGroupId"] == "a"
    assert first["Attributes"]["MessageDeduplicationId"] == "0"
    other, = receive(10)
    assert other["Body"] == "b2"
    assert receive(10) == []
    waiting = threading.Thread(target=lambda: received.extend(receive(10, WaitTimeSeconds=20)))
    received = []
    waiting.start()
    ordered.wait_calls("ReceiveMessage", 4)
    aws.sqs("DeleteMessage", "ordered.fifo", ReceiptHandle=first["ReceiptHandle"])
    waiting.join()
    assert [message["Body"] for message in received] == ["a1"]


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


@pytest.mark.parametrize("tags", [
    [{"Key": "<>#", "Value": "x"}], [{"Key": "x", "Value": "a#b"}], [{"Key": "é", "Value": "x"}],
    [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]])
def test_usage_tags_have_the_documented_characters(sandbox, aws, tags):
    deal = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})

    def meter(tags):
        return aws.call("BatchMeterUsage", {"UsageRecords": [{
            "Timestamp": int(time.time()), "Dimension": "api_calls", "Quantity": 1,
            "CustomerAWSAccountId": BUYER, "LicenseArn": deal["license_arn"],
            "UsageAllocations": [{"AllocatedUsageQuantity": 1, "Tags": tags}]}]})

    assert meter(tags).code == "InvalidTagException"
    assert meter([{"Key": "a+ -=._:\\/@", "Value": "b"}]).status == 200


def test_allocations_with_the_same_tags_in_another_order_are_refused(sandbox, aws):
    deal = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    answer = aws.call("BatchMeterUsage", {"UsageRecords": [{
        "Timestamp": int(time.time()), "Dimension": "api_calls", "Quantity": 2,
        "CustomerAWSAccountId": BUYER, "LicenseArn": deal["license_arn"],
        "UsageAllocations": [{"AllocatedUsageQuantity": 1, "Tags": tags},
                             {"AllocatedUsageQuantity": 1, "Tags": tags[::-1]}]}]})
    assert answer.code == "InvalidUsageAllocationsException"
