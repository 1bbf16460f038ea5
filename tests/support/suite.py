"""The whole suite as real processes in a private directory: sandbox, store, checkers, registrar, poller."""
import html.parser
import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from .place import Place, aws_at
from .process import BIN, PATIENCE, WRAPPER
from .rpc import Client, Feed, RpcError
from .sandbox import BUYER, LEGACY, NEW, SELLER, Sandbox  # noqa: F401: tests take them from here


def defaults(state, sandbox, end_confirm_delay):
    """The rules are the same with short spans; a test that needs another sets its own."""
    return {
        "entitled": {"support_email": "support@vendor.example", "end_confirm_delay": end_confirm_delay,
                     "unannounced_end_delay": end_confirm_delay, "log_level": "debug"},
        "store": {"directory": state, "sweep_interval": 0, "heartbeat_interval": "100ms", "lease": "10s"},
        "registrar": {"port": 0, "public_url": "http://127.0.0.1/", "vendor_name": "Vendor", "wait": "5s"},
        "poller": {"wait_time": "2s", "visibility_timeout": "10s"},
        "queue main": {"url": f"{sandbox}/{SELLER}/mp-events", "local_certificates": "yes"},
        "product new": {"code": NEW, "name": "Example Product",
                        "subscribe_url": "https://aws.amazon.com/marketplace/pp/example"},
        "product legacy": {"code": LEGACY, "name": "Example Classic"}}


class Suite(Place):
    checkers = ("1", "2")

    def __init__(self, extra_settings="", end_confirm_delay="1s", world=None):
        super().__init__()
        (self.directory / "state").mkdir()
        self.clients = {}
        self.feed = None
        self.sandbox = Sandbox(self.directory, world)
        self.sandbox.start()
        aws = aws_at(self.sandbox.url, self.sandbox.access_key_id, self.sandbox.secret_access_key)
        aws["aws"]["attempt_timeout"] = "2s"
        self.write_settings(aws, defaults(self.directory / "state", self.sandbox.url, end_confirm_delay),
                            extra_settings)
        self.processes = {}
        self.add("store", "entitled-store")
        for name in self.checkers:
            self.add(f"checker-{name}", "entitled-checker", "--name", name)
        self.add("registrar", "entitled-registrar")
        self.add("poller", "entitled-poller")

    def add(self, name, program, *arguments, environment=None):
        self.processes[name] = self.program(name, program, *arguments, environment=environment)
        return self.processes[name]

    def __getitem__(self, name):
        return self.processes[name]

    def start(self):
        for process in self.processes.values():
            process.start(wait=False)
        for process in self.processes.values():
            process.wait_ready()
        self.feed = Feed(self.feed_of("store"), *(self.feed_of(name) for name in self.checkers))
        self.eventually(self.all_ready)
        return self

    def close(self, keep=False):
        """Stops everything in order; every process must end well and leave no mark of a sanitizer.
        keep: what they wrote stays."""
        for client in self.clients.values():
            client.close()
        if self.feed:
            self.feed.close()
        wrong = []
        for name, process in reversed(list(self.processes.items())):
            if process.popen is None:
                continue
            was_alive = process.alive()
            code = process.stop()
            if was_alive and code != 0:
                wrong.append(f"{name} ended with {code}:\n{process.tail()}")
            process.check_sanitizers()
        self.sandbox.stop()
        assert not wrong, "\n".join(wrong)
        if not keep:
            shutil.rmtree(self.directory)

    # Endpoints and clients.

    def endpoint_of(self, name):
        return f"ipc://{self.run}/private/store.rpc" if name == "store" \
            else f"ipc://{self.run}/public/checker-{name}.query"

    def feed_of(self, name):
        return f"ipc://{self.run}/private/store.feed" if name == "store" \
            else f"ipc://{self.run}/public/checker-{name}.feed"

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = Client(self.endpoint_of(name))
        return self.clients[name]

    @property
    def store(self):
        return self.client("store")

    def figures(self, name="1"):
        """What the store or a checker counts, by name."""
        return {one["name"]: one["value"] for one in self.client(name).call("stats")["counters"]}

    def check(self, handle, dimension="seats", quantity=1, checker="1", **options):
        return self.client(checker).call("check", handle, dimension, quantity, **options)

    def check_all(self, *question, **options):
        """The answer of every checker; they must agree on what matters."""
        answers = [self.check(*question, checker=name, **options) for name in self.checkers]
        return [(answer["allow"], answer["reason"]) for answer in answers]

    def all_ready(self):
        return all(self.client(name).call("describe")["ready"] for name in self.checkers)

    def catching_up(self, name):
        return self.client(name).call("describe").get("catching_up_since", 0) > 0

    def all_have_caught_up(self):
        """A new store has not before its first sweep is whole; until then answers are stale."""
        return not any(self.catching_up(name) for name in ("store", *self.checkers))

    def eventually(self, question, timeout_s=40):
        """Asks again after every event of the feeds (heartbeats included) until it is true. What comes
        from self.feed is used up by it: a question about events needs a Feed of its own."""
        deadline = time.monotonic() + PATIENCE * timeout_s
        while True:
            try:
                answer = question()
            except (RpcError, TimeoutError) as error:
                answer = None
                last = error
            else:
                last = answer
            if answer:
                return answer
            assert time.monotonic() < deadline, f"did not come true: {last}"
            self.feed.next(200)

    def eventually_answers(self, allow, reason, *question, **options):
        wanted = [(allow, reason)] * len(self.checkers)
        seen = []

        def asked():
            seen[:] = self.check_all(*question, **options)
            return seen == wanted

        try:
            self.eventually(asked)
        except AssertionError:
            raise AssertionError(f"{question}: wanted {wanted}, got {seen}") from None

    # The buyer.

    @property
    def registrar_url(self):
        match = re.findall(r"listening.* port=(\d+)", self["registrar"].said())
        assert match, self["registrar"].tail()
        return f"http://127.0.0.1:{match[-1]}"

    def register(self, token, **fields):
        """The buyer's browser posts the token and follows to the page."""
        return Browser(self).post("/", {"x-amzn-marketplace-token": token, **fields})

    # The operator.

    def entitlectl(self, *arguments):
        """(exit code, standard output, standard error)"""
        environment = {**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1"}
        done = subprocess.run([*WRAPPER, BIN / "entitlectl", "--config", self.config, *map(str, arguments)],
                              capture_output=True, text=True, env=environment, timeout=60 * PATIENCE)
        assert done.returncode != 99, done.stderr
        return done.returncode, done.stdout, done.stderr

    def entitlectl_json(self, *arguments):
        code, output, errors = self.entitlectl("--json", *arguments)
        assert code in (0, 1), errors
        return json.loads(output)


class Browser:
    """Keeps cookies and follows redirects, as a buyer's browser does."""

    def __init__(self, suite):
        self.suite = suite
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _OurHost(suite))
        self.status, self.body, self.url, self.headers = None, "", "", {}

    def _open(self, request):
        try:
            with self.opener.open(request, timeout=60) as response:
                self.status, self.body = response.status, response.read().decode()
                self.url, self.headers = response.url, response.headers
        except urllib.error.HTTPError as error:
            with error:
                self.status, self.body = error.code, error.read().decode()
                self.url, self.headers = error.url, error.headers
        return self

    def get(self, path):
        return self._open(urllib.request.Request(self.suite.registrar_url + path))

    def post(self, path, fields):
        return self._open(urllib.request.Request(
            self.suite.registrar_url + path, urllib.parse.urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"}))

    def submit(self, **fields):
        """Fills in the page's form, its hidden fields kept, and sends it."""
        form = Form()
        form.feed(self.body)
        assert form.action is not None, self.body
        unknown = set(fields) - set(form.fields)
        assert not unknown, f"the form has no {unknown}: {form.fields}"
        return self.post(urllib.parse.urlsplit(form.action).path or
                         urllib.parse.urlsplit(self.url).path, {**form.fields, **fields})


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes and its fields with their values."""

    def __init__(self):
        super().__init__()
        self.action, self.fields = None, {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag in ("input", "textarea") and self.action is not None and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value", "")


class _OurHost(urllib.request.HTTPRedirectHandler):
    """public_url names no port, since the registrar takes a free one: redirects to it go there."""

    def __init__(self, suite):
        self.suite = suite

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        parts = urllib.parse.urlsplit(newurl)
        if parts.hostname == "127.0.0.1":
            newurl = self.suite.registrar_url + parts.path + ("?" + parts.query if parts.query else "")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
