"""The sandbox's SQS: receiving, sending, attributes, batches and order."""
import base64
import hashlib
import http.client
import json
import threading
import time

import pytest

from tests.support.sandbox import FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY, Refused, SELLER, Sandbox
from tests.support.sandbox_calls import Caller


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
