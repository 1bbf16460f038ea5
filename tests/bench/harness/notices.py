"""From a change at AWS to answers that show it, against npm's sqs-consumer and against the AWS calls
alone. The sandbox is AWS, with its quota lifted."""
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time

from tests.support.rpc import Client
from tests.support.sandbox import NEW, Sandbox

from .measure import Row, alternate, best_layout, measures, need
from .place import ROOT, end, tail

CONSUMER = ROOT / "tests" / "bench" / "consumer"
CONSUMERS = [4, 1, 2, 8]  # polls at once: its best layout
CHECKERS = ("1", "2")
CHUNK = 1000
CALLS = 32
PATIENCE_S = 120


def install_consumer(place):
    """npm's packages, in the build directory."""
    directory = place.disk / "consumer"
    directory.mkdir(exist_ok=True)
    for name in ("package.json", "consumer.mjs"):
        shutil.copy(CONSUMER / name, directory)
    if not (directory / "node_modules" / "sqs-consumer").exists():
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
                              cwd=directory, capture_output=True, text=True)
        need(done.returncode == 0, f"npm install: {done.stderr}")
    return directory


class Market:
    """Agreements in a sandbox of its own, and the seats that each has now."""

    def __init__(self, sandbox, count):
        self.sandbox = sandbox
        self.seats = 10
        sandbox.settings(quota_per_second=0)
        self.agreements = [sandbox.buy(product=NEW, account=str(200000000000 + i), lose=["all"],
                                       dimensions={"seats": self.seats}) for i in range(count)]
        self.licenses = [agreement["license_arn"] for agreement in self.agreements]

    def change_all(self):
        """One more seat for each; one notice for each lies in the queue then."""
        self.seats += 1
        for agreement in self.agreements:
            self.sandbox.change(agreement=agreement["agreement_id"], lose=["amended"],
                                dimensions={"seats": self.seats})

    def first_receive_s(self, since):
        """When the first receive after `since` began."""
        return min(call["time_ms"] for call in self.sandbox.log(since=since)["calls"]
                   if call["operation"] == "ReceiveMessage") / 1000


@contextlib.contextmanager
def market(place, count):
    directory = place.work / place.new_name("sandbox")
    directory.mkdir()
    with Sandbox(directory) as sandbox:
        yield Market(sandbox, count)


def all_visible(suite, licenses, seats):
    """Whether every checker answers for every licence with that many seats."""
    for name in CHECKERS:
        client = Client(suite.checker(name))
        try:
            for at in range(0, len(licenses), CHUNK):
                asked = [[license, "seats", 1] for license in licenses[at:at + CHUNK]]
                answers = client.call("check_many", asked)["answers"]
                if not all(answer.get("granted") == seats for answer in answers):
                    return False
        finally:
            client.close()
    return True


def wait_until(what, question):
    deadline = time.monotonic() + PATIENCE_S
    while not question():
        need(time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}")
        time.sleep(0.01)


def handle_with_suite(suite, market_):
    """Seconds from the first receive until every checker answers with every change."""
    market_.change_all()
    since = market_.sandbox.log()["number"]
    suite.start("poller")
    market_.sandbox.wait_queue_empty(timeout_s=PATIENCE_S)
    wait_until("every change visible",
               lambda: all_visible(suite, market_.licenses, market_.seats))
    took = time.time() - market_.first_receive_s(since)
    suite.processes["poller-1"].stop()
    return {"rate": len(market_.licenses) / took}


def handle_with_consumer(place, directory, market_, consumers):
    """Seconds from the first receive until every answer is written and every message deleted."""
    record = place.work / f"{place.new_name('record')}.jsonl"
    log = place.work / f"{place.new_name('consumer')}.log"
    market_.change_all()
    since = market_.sandbox.log()["number"]
    with log.open("wb") as errors:
        node = subprocess.Popen(
            ["node", "consumer.mjs", market_.sandbox.queue_url, NEW, record, str(consumers)],
            cwd=directory, stdout=subprocess.PIPE, stderr=errors,
            env={**os.environ, **market_.sandbox.environment()})
    try:
        need(node.stdout.readline() == b"ready\n", tail(log))
        market_.sandbox.wait_queue_empty(timeout_s=PATIENCE_S)
        took = time.time() - market_.first_receive_s(since)
    finally:
        end(node)
    written = [json.loads(line) for line in record.read_text().splitlines()]
    right = {line["license"] for line in written
             if line["entitlements"][0]["Value"]["IntegerValue"] == market_.seats}
    need(right == set(market_.licenses),
         f"sqs-consumer wrote {len(right)} of {len(market_.licenses)}: {tail(log)}")
    return {"rate": len(market_.licenses) / took}


def start_suite(suite):
    suite.start("store")
    for name in CHECKERS:
        suite.start_checker(name)


@measures(Row("notices", "notifications to committed and visible in two checkers",
              "npm sqs-consumer: receive, call, fsynced write, delete", "notifications/s",
              at_least=5))
def notices(place, scale, rows):
    row = rows["notices"]
    directory = install_consumer(place)
    with contextlib.ExitStack() as stack:
        mine = stack.enter_context(market(place, scale.notices))
        theirs = stack.enter_context(market(place, scale.notices))
        suite = stack.enter_context(place.suite(aws=mine.sandbox.url, calls=CALLS, receives=8))
        start_suite(suite)
        handle_with_suite(suite, mine)  # the records are made here; changes are measured
        layouts = CONSUMERS if scale.rounds > 1 else CONSUMERS[:1]
        consumers = best_layout(
            layouts, lambda count: handle_with_consumer(place, directory, theirs, count))
        for ours, reference in alternate(
                scale.rounds, lambda: handle_with_suite(suite, mine),
                lambda: handle_with_consumer(place, directory, theirs, consumers)):
            row.add(ours["rate"], reference["rate"])
    row.notes.update(notifications=scale.notices, consumers=consumers)


@measures(Row("notice-latency", "notification to visible, one at a time, beyond its AWS calls: p50",
              "limit of 3 ms", "ms", at_most=1))
def notice_latency(place, scale, rows):
    row = rows["notice-latency"]
    count = max(scale.notices // 30, 5)
    with contextlib.ExitStack() as stack:
        mine = stack.enter_context(market(place, 1))
        theirs = stack.enter_context(market(place, 1))
        suite = stack.enter_context(place.suite(aws=mine.sandbox.url))
        start_suite(suite)
        handle_with_suite(suite, mine)
        suite.start("poller")
        seats = itertools.count(1000, count)

        def run(verb, market_, **options):
            agreement = market_.agreements[0]
            return place.run("notice", verb, environment=market_.sandbox.environment(),
                             sandbox=market_.sandbox.url, agreement=agreement["agreement_id"],
                             count=count, seats=next(seats), **options)

        checkers = ",".join(suite.checker(name) for name in CHECKERS)
        for ours, reference in alternate(
                scale.rounds,
                lambda: run("suite", mine, license=mine.licenses[0], checkers=checkers),
                lambda: run("bare", theirs)):
            row.add(ours["p50_ms"] - reference["p50_ms"], 3)
            row.notes.setdefault("p50_ms", []).append([ours["p50_ms"], reference["p50_ms"]])
