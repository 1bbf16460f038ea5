"""Calls to the sandbox by clients that are not ours: botocore where its models know the operation, and plain
HTTP signed by botocore's signer where they do not."""
import http.client
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
from botocore.config import Config

from tests.support.sandbox import ACCESS_KEY, NEW, SECRET_KEY, SELLER

OTHER_BUYER = "222233334444"


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


def botocore_client(sandbox, service, key=ACCESS_KEY, secret=SECRET_KEY):
    session = botocore.session.get_session()
    session.set_credentials(key, secret)
    return session.create_client(service, region_name="us-east-1", endpoint_url=sandbox.url,
                                 config=Config(retries={"total_max_attempts": 1}))


def get(sandbox, path, method="GET", **headers):
    connection = http.client.HTTPConnection(sandbox.address)
    try:
        connection.request(method, path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()
