"""The sandbox as a test sees it: a process on a free port, its verbs as methods.

    with Sandbox(tmp_path) as sandbox:
        bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
        sandbox.fault(operation="GetEntitlements", kind="throttle", count=3)
        assert sandbox.counts()["GetEntitlements"] == 1
"""
import json
import pathlib
import urllib.error
import urllib.request

from .process import PATIENCE, Process

SELLER = "444455556666"
BUYER = "111122223333"
NEW = "4exampleproductcode0000001"
LEGACY = "5legacyproductcode00000001"
PRODUCTS = {"product new": {"code": NEW}, "product legacy": {"code": LEGACY}}
ACCESS_KEY = "AKIDFIXTUREEXAMPLE01"
SECRET_KEY = "fixtureSecretKeyNotReal/0123456789+abcdEX"
# Of an account that sells nothing: what a misconfigured vendor would sign with.
FOREIGN_ACCESS_KEY = "AKIDFIXTUREFOREIGN01"
FOREIGN_SECRET_KEY = "foreignSecretKeyNotReal/0123456789+abcdEX"


class Refused(Exception):
    """The sandbox refused a verb; the text says why."""


class Sandbox:
    access_key_id = ACCESS_KEY
    secret_access_key = SECRET_KEY

    def __init__(self, directory, world=None, port=0):
        self.directory = pathlib.Path(directory)
        self.port_file = self.directory / "sandbox.port"
        arguments = ["entitled-sandbox", "--port", port, "--port-file", self.port_file]
        if world is not None:
            path = self.directory / "world.json"
            path.write_text(json.dumps(world))
            arguments += ["--world", path]
        self.process = Process("sandbox", arguments, self.directory / "sandbox.log")
        self.address = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        code = self.stop()
        assert code == 0, self.process.tail()

    def start(self):
        self.port_file.unlink(missing_ok=True)
        self.process.start()
        self.address = self.port_file.read_text().strip()
        return self

    def stop(self):
        code = self.process.stop()
        self.process.check_sanitizers()
        return code

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def queue_url(self):
        return f"{self.url}/{SELLER}/mp-events"

    def environment(self, foreign=False):
        """What makes software that follows AWS's variables talk to this sandbox."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": FOREIGN_ACCESS_KEY if foreign else ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": FOREIGN_SECRET_KEY if foreign else SECRET_KEY,
        }

    def verb(self, name, **parameters):
        request = urllib.request.Request(f"{self.url}/_sandbox/{name}", method="POST",
                                         data=json.dumps(parameters).encode())
        try:
            with urllib.request.urlopen(request, timeout=90 * PATIENCE) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from None

    def __getattr__(self, name):
        """sandbox.buy(...), sandbox.fault(...): any verb of docs/sandbox.md."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda **parameters: self.verb(name, **parameters)

    def counts(self):
        return self.log()["counts"]

    def calls(self, operation=None, since=0):
        return [call for call in self.log(since=since)["calls"]
                if operation in (None, call["operation"])]

    def wait_calls(self, operation, count, timeout_s=30):
        """Until that many calls of the operation have arrived since the start or reset."""
        reply = self.verb("wait", operation=operation, count=count,
                          timeout_ms=int(PATIENCE * timeout_s * 1000))
        assert reply["happened"], f"{operation}: {self.counts()}\n{self.process.tail()}"

    def wait_queue_empty(self, queue="mp-events", timeout_s=30):
        """Until every message has been deleted (or redriven)."""
        reply = self.verb("wait", queue=queue, timeout_ms=int(PATIENCE * timeout_s * 1000))
        assert reply["happened"], self.messages(queue)

    def messages(self, queue="mp-events"):
        """The bodies that a queue holds, parsed where they are JSON."""
        found = next(q for q in self.world()["queues"] if q["name"] == queue)
        return [parsed(message["body"]) for message in found["messages"]]

    def events(self, queue="mp-events"):
        """What each message is: an event's detail-type or an SNS message's action."""
        return [event_name(body) for body in self.messages(queue)]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def event_name(body):
    if "detail-type" in body:
        return body["detail-type"]
    return json.loads(body["Message"] if "Message" in body else json.dumps(body))["action"]
