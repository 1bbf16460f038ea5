"""A real registrar with a store of the test's own and the sandbox, or canned answers, as AWS."""
import html
import http.client
import http.server
import json
import pathlib
import re
import tempfile
import threading
import time
import urllib.parse

from .place import aws_at, settings
from .process import Process
from .sandbox import BUYER, LEGACY, NEW, SELLER, Sandbox
from .scripted_store import ScriptedStore

TOKEN = "x-amzn-marketplace-token"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()

    @property
    def location(self):
        return urllib.parse.urlsplit(self.headers["Location"])

    @property
    def target(self):
        return self.location.path + ("?" + self.location.query if self.location.query else "")


class Browser:
    """Keeps the cookie; follows nothing by itself, so that a test sees each step."""

    def __init__(self, port):
        self.port = port
        self.cookie = None

    def ask(self, method, target, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if self.cookie:
            headers["Cookie"] = self.cookie
        connection.request(method, target, body, {name.replace("_", "-"): value
                                                  for name, value in headers.items()})
        answer = Answer(connection.getresponse())
        connection.close()
        if answer.headers["Set-Cookie"]:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        assert_safe(answer, method)
        return answer

    def get(self, target):
        return self.ask("GET", target)

    def post(self, target, fields):
        return self.post_raw(target, urllib.parse.urlencode(fields))

    def post_raw(self, target, body):
        return self.ask("POST", target, body, Content_Type="application/x-www-form-urlencoded")

    def arrive(self, token, path="/", **fields):
        """From AWS Marketplace to the page, through both redirects."""
        by_reference = self.post(path, {TOKEN: token, **fields})
        assert by_reference.status == 303, by_reference.body
        to_page = self.get(by_reference.target)
        assert to_page.status == 303, to_page.body
        return self.get(to_page.target)


def assert_safe(answer, method):
    """What holds for every answer of the registrar's own."""
    if answer.status == 200 and answer.headers["Content-Type"].startswith("text/css"):
        return
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.body in ("ok\n", "the store is away\n"):
        return
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "frame-ancestors " + ("'self'" if "<body class=\"inner\">" in answer.body else "'none'") in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    if answer.status != 303 and method != "HEAD":
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.body.startswith("<!DOCTYPE html>\n<html lang=\"en\">")
        assert "<script" not in answer.body and "style=" not in answer.body


def hidden(page, name):
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page).group(1))


class Registrar:
    def __init__(self, aws=None, public_url="http://127.0.0.1/", extra={}, start_store=True,
                 seller=SELLER):
        self.temporary = tempfile.TemporaryDirectory(prefix="entitled-")
        self.directory = pathlib.Path(self.temporary.name)
        (self.directory / "private").mkdir()
        self.sandbox = None if aws else Sandbox(self.directory).start()
        self.store = ScriptedStore(self.directory)
        if start_store:
            self.store.start()
        self.config = self.directory / "entitled.conf"
        self.config.write_text(settings(
            aws_at(aws or self.sandbox.url, Sandbox.access_key_id, Sandbox.secret_access_key, ("metering", "sts")),
            {"entitled": {"run_directory": self.directory, "support_email": "support@vendor.example",
                          "log_level": "debug"},
             "aws": {"attempt_timeout": "2s", "seller_account": seller},
             "registrar": {"port": 0, "public_url": public_url, "vendor_name": "Vendor & Sons",
                           "login_url": "https://app.vendor.example/login",
                           "form_fields": "company:text:required phone:tel", "wait": "1s", **extra},
             "product new": {"code": NEW, "name": "Example <Product>",
                             "subscribe_url": "https://aws.amazon.com/marketplace/pp/example"},
             "product legacy": {"code": LEGACY, "name": "Example Classic"}}))
        self.process = Process("registrar", ["entitled-registrar", "--config", self.config],
                               self.directory / "registrar.log")

    def __enter__(self):
        self.process.start()
        self.port = self.current_port()
        return self

    def current_port(self):
        return int(re.findall(r"msg=listening.* port=(\d+)", self.process.said())[-1])

    def __exit__(self, *_):
        code = self.process.stop()
        self.store.stop()
        if self.sandbox:
            self.sandbox.stop()
        self.process.check_sanitizers()
        assert code == 0, self.process.tail()
        self.temporary.cleanup()

    def browser(self):
        return Browser(self.port)

    def buy(self, **options):
        return self.sandbox.buy(**{"product": NEW, "account": BUYER, "dimensions": {"seats": 10},
                                   **options})

    def wait_said(self, text, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not self.said(text):
            assert time.monotonic() < deadline, self.process.tail()
            time.sleep(0.01)

    def said(self, text):
        return [line for line in self.process.said().splitlines() if text in line]


class CannedAws:
    """Answers every call with one fixture and keeps the tokens it was asked about."""

    def __init__(self, answer):
        canned = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["X-Amz-Target"] == "AWSMPMeteringService.ResolveCustomer":
                    canned.tokens.append(json.loads(asked)["RegistrationToken"])
                body = answer.get("raw_body", json.dumps(answer.get("body", {}))).encode()
                self.send_response(answer["status"])
                for header, value in answer["headers"].items():
                    self.send_header(header, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.tokens = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
