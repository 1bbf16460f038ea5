"""Two languages, one answer: random records, asked of libentitled and of the Python client.

A failing run prints its seed; TEST_SEED plays it again.
"""
import json
import os
import pathlib
import random
import re

from tests.support.conformance import Ask, differences

LIBENTITLED, PYTHON = os.environ["TEST_LIBENTITLED"], os.environ["TEST_ASK"]
ROOT = pathlib.Path(__file__).resolve().parents[4]
NOW = 1767225600
HOUR, DAY = 3600, 86400
SEED = int(os.environ.get("TEST_SEED", random.SystemRandom().randrange(2 ** 32)))
ROUNDS, CUSTOMERS, QUESTIONS = 6, 100, 12
REASONS = re.findall(r'^WORD\(reason, \w+, "(\w+)"', (ROOT / "proto/messages.def").read_text(), re.M)
DIMENSIONS = ("seats", "plan", "gigabytes")


class Maker:
    """Makes customers whose records, overrides and questions have only each other to meet."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.subscriptions, self.overrides, self.questions = [], [], []

    def maybe(self, percent):
        return self.random.random() * 100 < percent

    def moment(self):
        """Near one of the borders of the rules, or anywhere."""
        border = self.random.choice([0, HOUR, 12 * HOUR, 3 * DAY, 14 * DAY, 30 * DAY])
        return NOW + self.random.choice([-1, 1]) * border + self.random.choice(
            [-1, 0, 1, self.random.randint(-DAY, DAY)])

    def value(self):
        return self.random.choice([
            None, self.random.randint(-2, 20), 2 ** 63 - 1, -2 ** 63, 2 ** 53 + 3,
            self.random.randint(-20, 200) / 10, 1e308, self.maybe(50),
            self.random.choice(["gold", "silver", "ümlaut", "x" * 2100]),
        ])

    def without(self, record):
        """What has no value is left out, now and then."""
        return {key: value for key, value in record.items() if value is not None}

    def entitlement(self):
        return self.without({
            "dimension": self.random.choice(DIMENSIONS), "value": self.value(),
            "expires_at": self.moment() if self.maybe(70) else None})

    def evidence(self):
        def sometimes():
            return self.moment() if self.maybe(50) else None

        notices = ["CANCELLED", "EXPIRED", "TERMINATED", "DEPROVISIONED", "unsubscribe-success",
                   "A WORD TO COME"]
        if self.maybe(40):  # an end with all its evidence, perhaps for a successor
            return self.without({
                "empty_at": NOW - 2 * DAY, "empty_again_at": NOW - DAY, "notice": "TERMINATED",
                "succeeded_at": NOW - DAY if self.maybe(50) else None,
                "undecided_at": NOW - DAY if self.maybe(20) else None})
        return self.without({
            "empty_at": sometimes(), "empty_again_at": sometimes(), "product_alive_at": sometimes(),
            "notice": self.random.choice(notices) if self.maybe(30) else None,
            "succeeded_at": sometimes() if self.maybe(40) else None,
            "listed_at": sometimes(), "unproven": True if self.maybe(30) else None,
            "held_at": sometimes() if self.maybe(30) else None,
            "accepted_at": sometimes() if self.maybe(15) else None,
            "refused_at": sometimes() if self.maybe(30) else None,
            "undecided_at": sometimes() if self.maybe(30) else None})

    def record(self, customer, number):
        name = f"{customer}-{number}"
        key = f"l-{customer}{number}"
        arn = self.random.choice([f"arn:aws:license-manager::1:license:{key}", f"odd-{key}:{key}"])
        others = [f"{customer}-{other}" for other in range(5)]
        entitlements = [self.entitlement() for _ in range(self.random.randint(0, 4))]
        return self.without({
            "id": name, "product_code": f"p-{customer}-{self.maybe(10):d}" if self.maybe(80) else None,
            "tenant": customer if self.maybe(70) else None,
            "account_id": f"a-{customer}" if self.maybe(50) else None,
            "customer_identifier": f"c-{customer}" if self.maybe(30) else None,
            "license_arn": arn if self.maybe(60) else None,
            "aliases": [f"old-{name}"] if self.maybe(20) else None,
            "successor": self.random.choice([*others, f"old-{others[0]}"]) if self.maybe(30) else None,
            "entitlements": entitlements if self.maybe(85) else None,
            "evidence": self.evidence() if self.maybe(50) else None,
            "payment_failed_at": self.moment() if self.maybe(10) else None,
            "verified_at": self.random.choice([self.moment(), NOW - self.random.randint(0, 3)])
                           if self.maybe(90) else None})

    def handles(self, customer):
        return [customer, f"a-{customer}", f"c-{customer}", f"{customer}-0", f"old-{customer}-1",
                f"l-{customer}0", f"arn:aws:license-manager::1:license:l-{customer}0",
                f"aws:license-manager:eu:1:l-{customer}1", f"odd-l-{customer}1:l-{customer}1"]

    def override(self, customer):
        return self.without({
            "id": f"o-{customer}-{self.random.randint(0, 2)}" if self.maybe(70) else None,
            "handle": self.random.choice(self.handles(customer)),
            "dimension": self.random.choice(DIMENSIONS) if self.maybe(50) else None,
            "action": self.random.choice(["allow", "deny", "value", "a word to come"]),
            "value": self.value(), "expires_at": self.moment() if self.maybe(40) else None,
            "created_at": self.random.randint(1, 3)})

    def question(self, customer):
        handle = self.random.choice(self.handles(customer) if self.maybe(97) else ["", "nobody"])
        quantity = self.random.choice([0, 1, 5, 10.5, 1e19, 2.0 ** 53 + 4, -1,
                                       self.random.randint(0, 40) / 2])
        return self.without({
            "handle": handle, "dimension": self.random.choice(DIMENSIONS) if self.maybe(98) else "",
            "quantity": quantity,
            "product": f"p-{customer}-{self.maybe(20):d}" if self.maybe(40) else None,
            "license": self.random.choice(self.handles(customer)[5:]) if self.maybe(20) else None,
            "max_age_ms": self.random.choice([1, 999, 1000, 1001, 1999, 2000, HOUR * 1000])
                          if self.maybe(20) else None})

    def customer(self, customer):
        self.subscriptions += [self.record(customer, number)
                               for number in range(self.random.randint(0, 5))]
        if self.maybe(40):
            self.overrides += [self.override(customer) for _ in range(self.random.randint(1, 3))]
        self.questions += [self.question(customer) for _ in range(QUESTIONS)]

    def fixture(self):
        for number in range(CUSTOMERS):
            self.customer(f"{number}x")
        fixture = {"now": NOW, "subscriptions": self.subscriptions, "overrides": self.overrides}
        self.random.shuffle(self.subscriptions)
        if self.maybe(50):
            spans = ["grace_ms", "settling_ms", "stale_after_ms", "hold_limit_ms",
                     "successor_wait_ms"]
            fixture["policy"] = {span: self.random.randint(0, 5 * DAY) * 1000 for span in spans}
        if self.maybe(70):
            fixture["products"] = [{"code": f"p-{number}x-0", "subscribe_url": f"https://{number}"}
                                   for number in range(self.random.choice([1, CUSTOMERS // 2]))]
        return fixture


def difference(wanted, got):
    if "answer" in wanted and "answer" in got:
        return differences(wanted["answer"], got["answer"])
    return [] if wanted == got else [f"wanted {wanted}, got {got}"]


def compare(seed, path):
    """(what differs, the reasons that came)"""
    maker = Maker(seed)
    path.write_text(json.dumps(maker.fixture(), ensure_ascii=maker.maybe(50)))
    wrong, reasons = [], set()
    with Ask(LIBENTITLED, "file", "--file", path) as c, Ask(PYTHON, "file", "--file", path) as python:
        for question in maker.questions:
            wanted, got = c(question), python(question)
            reasons.add(wanted.get("error") or wanted["answer"]["reason"])
            wrong += [f"seed {seed}: {question}: {one}" for one in difference(wanted, got)]
    return wrong, reasons


def test_both_give_the_same_answers(tmp_path):
    wrong, reasons = [], set()
    for seed in range(SEED, SEED + ROUNDS):
        more = compare(seed, tmp_path / "fixture.json")
        wrong += more[0]
        reasons |= more[1]
    assert not wrong, "\n".join(wrong[:20])
    # What never comes is not compared.
    assert reasons == {*REASONS, "bad_request"}, SEED
