"""Plays a customer's story against a running suite and prints each step: what was asked, what was
answered, whether it held. Exit code 0 only if every step held."""
import argparse
import html.parser
import http.cookiejar
import json
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BUYER, SECOND_BUYER = "111122223333", "333344445555"
PRODUCTS = [("a new listing (licence ARN, EventBridge)", "4exampleproductcode0000001"),
            ("a legacy listing (customer identifier, SNS)", "5legacyproductcode00000001")]


class Failed(Exception):
    pass


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes and its fields with their values."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag == "input" and self.action is not None and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value", "")


class Links(html.parser.HTMLParser):
    """Where a page leads."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        target = dict(attributes).get("href", "")
        if tag in ("a", "link") and not target.startswith("mailto:"):
            self.found.append(target)


class SameDoor(urllib.request.HTTPRedirectHandler):
    """The page's public name may not resolve here: redirects to it go to the address asked first."""

    def __init__(self, options):
        self.options = options

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        newurl = newurl.replace(self.options.shown.rstrip("/"), self.options.registrar, 1)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Story:
    def __init__(self, options):
        self.options = options
        self.number = 0
        tls = ssl.create_default_context(cafile=options.certificate)
        self.buyer = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            urllib.request.HTTPSHandler(context=tls), SameDoor(options))

    # What the story is told with.

    def step(self, title):
        self.number += 1
        print(f"\n{self.number}. {title}")

    def asked(self, question, answer):
        print(f"   > {question}\n     {answer}")

    def hold(self, condition, what):
        if not condition:
            raise Failed(what)
        print(f"     held: {what}")

    def until(self, what, attempt, seconds=60):
        """Tries again until it is true: the story watches from outside, as a person would."""
        deadline = time.monotonic() + seconds
        shown = time.monotonic() + 3
        while True:
            result = attempt()
            if result:
                return result
            if time.monotonic() > deadline:
                raise Failed(f"{what}: not within {seconds} s; logs are in {self.options.logs}")
            if time.monotonic() > shown:
                print(f"     waiting: {what} ...", flush=True)
                shown += 10
            time.sleep(0.1)

    # The people in it.

    def aws(self, verb, **fields):
        request = urllib.request.Request(f"{self.options.sandbox}/_sandbox/{verb}",
                                         json.dumps(fields).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Failed(f"the sandbox refused {verb}: {error.read().decode()}") from None

    def browse(self, url, fields=None):
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        try:
            with self.buyer.open(urllib.request.Request(url, data), timeout=60) as response:
                return response.status, response.url, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, url, error.read().decode()

    def entitlectl(self, *arguments):
        done = subprocess.run([self.options.bin / "entitlectl", "--json", "--config",
                               self.options.config, *map(str, arguments)],
                              capture_output=True, text=True)
        if done.returncode == 2:
            return None
        return json.loads(done.stdout)

    def check(self, handle, dimension, quantity, *options):
        return self.entitlectl("check", handle, dimension, quantity, *options) or {}

    def show_check(self, handle, dimension, quantity, reason, *options):
        question = f"check {handle} {dimension} {quantity} {' '.join(options)}".rstrip()
        answer = self.until(f"{question} answers {reason}", lambda: (
            lambda given: given if given.get("reason") == reason else None)(
                self.check(handle, dimension, quantity, *options)))
        kept = {name: answer[name] for name in ("allow", "reason", "granted") if name in answer}
        self.asked(question, kept)
        return answer

    # The story.

    def wait_ready(self):
        def ready():
            try:
                registrar = self.browse(f"{self.options.registrar}/readyz")[0] == 200
            except OSError:
                registrar = False
            peers = self.entitlectl("stats") if registrar else None
            return registrar and peers is not None and self.check("nobody", "seats", 1)

        self.until("every daemon is ready", ready)
        print("every daemon is ready")
        self.aws("settings", registration_url=self.options.shown)

    def register(self, product, account, tenant, seats):
        deal = self.aws("buy", product=product, account=account, dimensions={"seats": seats})
        own = deal["customer_identifier"] if product.startswith("5") else deal["license_arn"]
        status, url, page = self.browse(f"{self.options.registrar}/",
                                        {"x-amzn-marketplace-token": deal["token"]})
        self.asked("the browser posts the registration token", f"{status}, page {url}")
        self.hold(status == 200 and "seats" in page, "the page shows the purchase")
        broken = [link for link in Links(page).found if self.browse(urllib.parse.urljoin(url, link))[0] != 200]
        self.hold(not broken, f"every link of the page leads somewhere{': not ' if broken else ''}{' '.join(broken)}")
        form = Form(page)
        status, url, page = self.browse(urllib.parse.urljoin(url, form.action),
                                        {**form.fields, "email": "buyer@customer.example",
                                         "company": "Customer & Sons"})
        self.asked("the buyer fills in the onboarding form", f"{status}, page {url}")
        self.hold(status == 200, "the form is stored")
        linked = self.entitlectl("link", own, tenant)
        self.asked(f"entitlectl link ... {tenant}", f"{'linked' if linked else 'failed'}")
        self.hold(linked is not None, "the vendor's own tenant id is a handle")
        return deal, own

    def play(self, title, product):
        print(f"\n=== {title}")
        legacy = product.startswith("5")
        tenant = "tenant-2" if legacy else "tenant-1"

        self.step("A buyer buys 10 seats on AWS Marketplace and sets up the account")
        deal, own = self.register(product, BUYER, tenant, 10)

        self.step("The application asks")
        self.show_check(tenant, "seats", 10, "entitled")
        self.show_check(own, "seats", 11, "insufficient_quantity")
        self.show_check(tenant, "storage_tb", 1, "not_entitled")
        stranger = self.show_check("nobody", "seats", 1, "not_subscribed")
        self.hold(not stranger["allow"], "a stranger is told how to subscribe")

        self.step("The buyer upgrades to 25 seats; AWS announces it through the queue")
        self.aws("change", agreement=deal["agreement_id"], dimensions={"seats": 25})
        self.show_check(tenant, "seats", 25, "entitled")

        if not legacy:
            self.step("The contract is renewed under a new licence; the customer notices nothing")
            deal = self.aws("renew", agreement=deal["agreement_id"], dimensions={"seats": 30})
            self.show_check(tenant, "seats", 30, "entitled")
            self.show_check(own, "seats", 30, "entitled")

        self.step("AWS is away; answers go on from memory")
        self.aws("fault", operation="GetEntitlements", kind="error500", count=1000)
        self.show_check(tenant, "seats", 20, "entitled")
        self.aws("faults_clear")

        self.step("The contract is cancelled; two calls and AWS's announcement are its evidence")
        self.aws("cancel", agreement=deal["agreement_id"])
        ended = self.show_check(tenant, "seats", 1, "ended")
        self.hold(not ended["allow"], "the ended customer is refused")
        entries = (self.entitlectl("journal", tenant) or {}).get("entries", [])
        for entry in list(reversed(entries))[-4:]:
            print(f"     journal: {entry.get('cause')}: {entry.get('change')}")

    def stay(self):
        print("\n=== a customer who stays")
        self.step("Another buyer registers; what is suggested below asks about this one")
        self.register(PRODUCTS[0][1], SECOND_BUYER, "tenant-3", 25)
        self.show_check("tenant-3", "seats", 10, "entitled")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--config", type=pathlib.Path, required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--registrar", required=True)
    parser.add_argument("--shown", required=True, help="the page's address as buyers have it")
    parser.add_argument("--certificate", help="of the page, if it is HTTPS")
    parser.add_argument("--logs", required=True)
    story = Story(parser.parse_args())
    try:
        story.wait_ready()
        for title, product in PRODUCTS:
            story.play(title, product)
        story.stay()
    except Failed as failed:
        print(f"\nDID NOT HOLD: {failed}", file=sys.stderr)
        return 1
    print(f"\nThe story held: {story.number} steps.")
    return 0


sys.exit(main())
