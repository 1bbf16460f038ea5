"""Asks all along, and asks for everything when it is calm."""
import os
import random
import time

from tests.support.rpc import Client, RpcError
from tests.support.suite import NEW

# What a daemon may say while it or its neighbour is down; anything else is a wrong answer.
PATIENCE = ("not_ready", "unavailable", "timeout")


# What the settings allow if they say nothing: calls a second in all, and at the same time per checker.
QUOTA_PER_SECOND, CALLS_PER_CHECKER = 20, 8
QUOTA_SPAN_S = 5
# So long a message is hidden that could not be recorded five times, as a store that is killed often has it.
HIDDEN_S = 165


class Asker:
    """The vendor's application at one checker: never refused what was granted, never allowed more."""

    def __init__(self, town, world, judge, checker, seed):
        self.world, self.judge, self.checker = world, judge, checker
        self.rng = random.Random(seed)
        self.client = Client(town.endpoint_of(checker), timeout_ms=1000)

    def ask(self, handle, quantity, product):
        try:
            answer = self.client.call("check", handle, "seats", quantity, product=product)
        except TimeoutError:
            self.judge.count("questions unanswered")
            return None
        except RpcError as error:
            self.judge.count("questions put off")
            if error.code not in PATIENCE:
                self.judge.wrong(f"checker {self.checker} on {handle}: {error}")
            return None
        self.judge.count("answers checked")
        return answer

    def step(self):
        deals = self.world.all()
        if not deals:
            time.sleep(0.02)
            return
        deal = self.rng.choice(deals)
        chance = self.rng.random()
        if deal.state == "ended":
            self.ask_ended(deal)
        elif chance < 0.7:
            self.ask_granted(deal)
        elif chance < 0.8 and deal.product == NEW:
            self.ask_account(deal)
        else:
            self.ask_more(deal)
        time.sleep(0.004)

    def ask_granted(self, deal):
        version, low, must = deal.version, deal.low, deal.must_allow(self.checker)
        answer = self.ask(deal.handle, low, deal.product)
        if not answer or deal.version != version or deal.state != "active":
            return
        if answer["allow"]:
            deal.allowed_by.add(self.checker)
        elif must:
            self.judge.wrong(f"checker {self.checker} refused a paying customer {low} seats: {deal}: "
                             f"{answer}")

    def ask_account(self, deal):
        """What an account holds under several agreements adds up."""
        deals = [other for other in self.world.all()
                 if other.account == deal.account and other.product == NEW]
        before = [(other, other.version, other.low) for other in deals]
        if not all(other.state != "active" or other.settled for other in deals):
            return
        total = sum(other.low for other in deals if other.state == "active")
        answer = self.ask(deal.account, total, NEW)
        if answer and not answer["allow"] and total > 0 and \
                all(other.version == version for other, version, _ in before):
            self.judge.wrong(f"checker {self.checker} refused account {deal.account} {total} seats: "
                             f"{answer}")

    def ask_more(self, deal):
        answer = self.ask(deal.handle, deal.high + 1, deal.product)
        if answer and answer["allow"] and answer.get("granted", 0) > deal.high:
            self.judge.wrong(f"checker {self.checker} allowed more than AWS ever said: {deal}: {answer}")

    def ask_ended(self, deal):
        """An end that was seen once holds, whatever dies and comes back."""
        over = deal.over
        answer = self.ask(deal.handle, 1, deal.product)
        if answer and answer["allow"] and over and not self.world.blurred:
            self.judge.wrong(f"checker {self.checker} serves an ended customer: {deal}: {answer}")


class Reckoning:
    """When it is calm: what AWS said is what every checker answers, and nothing is missing."""

    def __init__(self, town, world, judge):
        self.town, self.world, self.judge = town, world, judge
        self.usage = {}
        self.seen_calls = 0

    def differences(self):
        deals = self.world.all()
        questions, wanted = [], []
        for deal in deals:
            for quantity, allow in ((deal.seats, True), (deal.seats + 1, False)):
                questions.append([deal.handle, "seats", quantity])
                wanted.append((deal, quantity, allow and deal.state == "active"))
        found = []
        for name in self.town.checkers:
            for at in range(0, len(questions), 500):
                answers = self.town.client(name).call("check_many", questions[at:at + 500])["answers"]
                for (deal, quantity, allow), answer in zip(wanted[at:at + 500], answers):
                    if answer["allow"] != allow:
                        found.append((deal, f"checker {name}: {quantity} seats: "
                                            f"{answer.get('reason')}, granted {answer.get('granted')}"))
        return found

    def wait_until_equal(self, within_s):
        if not any(self.town.sandbox.verb("wait", queue="mp-events", timeout_ms=HIDDEN_S * 500)["happened"]
                   for _ in range(2)):
            self.judge.wrong(f"the queue is not empty after {HIDDEN_S} s of calm")
        deadline = time.monotonic() + within_s
        while True:
            try:
                found = self.differences()
            except (RpcError, TimeoutError) as error:
                found = [(None, str(error))]
            if not found:
                break
            if time.monotonic() > deadline:
                for deal, difference in found[:8]:
                    self.judge.wrong(f"{within_s} s of calm, and still {difference}: {deal}"
                                     f"{self.about(deal)}")
                break
            self.town.feed.next(200)
        for deal in self.world.all():
            deal.settled, deal.over = deal.state == "active", deal.state == "ended"
        self.world.blurred = False

    def about(self, deal):
        if not deal:
            return ""
        try:
            records = self.town.store.call("find", deal.handle)["subscriptions"]
            dues = [self.town.store.call("due", record["id"]) for record in records]
        except (RpcError, TimeoutError) as error:
            return f"\n  {error}"
        return f"\n  records {records}\n  due {dues}"

    def check_writes(self):
        for deal in self.world.all():
            if deal.links:
                names = deal.last_links()
                if names and not any(self.find(name) for name in names):
                    self.judge.wrong(f"an acknowledged write is lost: {names[0]} of {deal}, "
                                     f"tried later: {names[1:]}{self.about(deal)}")
            if deal.registered and not any(record.get("registered_at")
                                           for record in self.find(deal.handle)):
                self.judge.wrong(f"an acknowledged registration is lost: {deal}{self.about(deal)}")

    def find(self, handle):
        return self.town.store.call("find", handle)["subscriptions"]

    def snapshot(self, client):
        records, after = {}, ""
        while True:
            chunk = client.call("snapshot", after)
            records.update((record["id"], record) for record in chunk.get("subscriptions", ()))
            after = chunk.get("next", "")
            if not after:
                return chunk["seq"], records

    def check_replicas(self):
        """Every checker holds what the store holds; versions may still arrive, so several looks."""
        for name in self.town.checkers:
            deadline = time.monotonic() + 10
            while True:
                begun, kept = self.snapshot(self.town.store)
                seq, copied = self.snapshot(self.town.client(name))
                if kept == copied:
                    break
                if time.monotonic() > deadline:
                    wrong = [key for key in kept.keys() | copied.keys()
                             if kept.get(key) != copied.get(key)]
                    self.judge.wrong(f"checker {name} (seq {seq}) differs from the store (seq {begun}): "
                                     f"{kept.get(wrong[0])} / {copied.get(wrong[0])}")
                    break
                self.town.feed.next(200)

    def check_aws(self):
        log = self.town.sandbox.log(since=self.seen_calls)
        self.seen_calls = log["number"]
        self.check_quota([call["time_ms"] for call in log["calls"]
                          if call["operation"] == "GetEntitlements"])
        deleted = sum(len(call["parameters"].get("Entries", ())) for call in log["calls"]
                      if call["operation"] == "DeleteMessageBatch" and call["outcome"] == "ok")
        self.judge.count("messages", deleted)
        dead = self.town.sandbox.messages("mp-events-dlq")
        if dead:
            self.judge.wrong(f"{len(dead)} messages in the dead-letter queue")

    def check_quota(self, times_ms):
        """The store counts each second. What it allowed goes out later if the checker is stopped meanwhile."""
        most = QUOTA_PER_SECOND * (QUOTA_SPAN_S + 1) + CALLS_PER_CHECKER * len(self.town.checkers)
        for first, last in zip(times_ms, times_ms[most:]):
            if last - first < QUOTA_SPAN_S * 1000:
                self.judge.wrong(f"more than {most} calls of GetEntitlements within {QUOTA_SPAN_S} s")
                return

    def check_usage(self):
        """Neither descriptors nor memory grow in a process that lives on."""
        for name, process in self.town.processes.items():
            pid = process.popen.pid
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            resident = resident_kib(pid)
            first = self.usage.setdefault(pid, (descriptors, resident))
            if descriptors > first[0] + 32:
                self.judge.wrong(f"{name} has {descriptors} descriptors, had {first[0]}")
            if resident > 2 * first[1] + 65536:
                self.judge.wrong(f"{name} takes {resident} KiB, took {first[1]}")

    def forget_the_oldest(self, most=24):
        """What has ended and stayed ended is not asked about for ever."""
        ended = [deal for deal in self.world.all() if deal.state == "ended"]
        self.world.forget(set(ended[:-most]) if len(ended) > most else set())


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
