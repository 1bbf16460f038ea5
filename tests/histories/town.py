"""The suite, many accounts whose histories pass at the same time, and the messenger between AWS and the queue."""
import heapq
import itertools
import random
import time

from tests.support.rpc import RpcError
from tests.support.sandbox import ACCESS_KEY, SECRET_KEY
from tests.support.suite import LEGACY, NEW, SELLER, Suite

from .account import History, read_notice

CONCURRENT = "6concurrentproductcode001"
KINDS = (("new", NEW), ("new", NEW), ("legacy", LEGACY), ("concurrent", CONCURRENT), ("concurrent", CONCURRENT))
SPAN_S = 24
REST_S = 90

SETTINGS = f"""
[product concurrent]
code = {CONCURRENT}
name = Example Concurrent
"""
# The rules are the same with short spans. How long AWS lists nothing of a renewal (2 s), and how late it tells of
# one (9 s), stay below what an end takes for which AWS gives no word, as they do with the spans that are delivered.
ENVIRONMENT = {
    "ENTITLED_ENTITLED_LOG_LEVEL": "info",
    "ENTITLED_ENTITLED_SETTLING": "12s",
    "ENTITLED_ENTITLED_UNANNOUNCED_END_DELAY": "12s",
    "ENTITLED_STORE_QUOTA_PER_SECOND": "200",
    "ENTITLED_STORE_MANY_ENDS": "9999",
    "ENTITLED_REGISTRAR_WAIT": "0",
    "ENTITLED_REGISTRAR_RATE_LIMIT": "0",
}


def _product(code, generation, **more):
    # What AWS tells goes to a queue that nobody polls: the messenger takes it from there.
    return {"code": code, "id": f"prod-{code[:12]}", "title": code, "seller": SELLER, "queue": "outbox",
            "generation": generation, "dimensions": ["seats"], "usage_dimensions": [], **more}


WORLD = {
    "sellers": [{"account": SELLER, "name": "Example Seller"}],
    "access_keys": [{"id": ACCESS_KEY, "secret": SECRET_KEY, "account": SELLER,
                     "arn": f"arn:aws:iam::{SELLER}:user/entitled"}],
    "products": [_product(NEW, "new"), _product(LEGACY, "legacy"),
                 _product(CONCURRENT, "legacy", concurrent=True)],
    "queues": [{"name": "mp-events", "account": SELLER}, {"name": "outbox", "account": SELLER}],
}


class Wrong(AssertionError):
    """A paying customer was refused, or something else was granted than was bought."""


class Town(Suite):
    def __init__(self, seed, accounts, log=lambda line: None):
        super().__init__(SETTINGS, end_confirm_delay="2s", world=WORLD)
        self.rng, self.log = random.Random(seed), log
        self.waiting, self.order = [], itertools.count()
        self.accounts, self.histories, self.by_account, self.watched = accounts, [], {}, []
        self.began, self.judged, self.answers = time.monotonic(), 0, 0

    def add(self, name, program, *arguments, environment=None):
        return super().add(name, program, *arguments, environment=ENVIRONMENT)

    def elapsed(self):
        return time.monotonic() - self.began

    def at(self, delay_s, do):
        heapq.heappush(self.waiting, (time.monotonic() + delay_s, next(self.order), do))

    def play(self):
        """All histories at once, then the rest in which everything must be right; raises Wrong."""
        self.start()
        self.began = time.monotonic()
        for number in range(self.accounts):
            kind, product = self.rng.choice(KINDS)
            history = History(self, product, kind, f"{600000000000 + number}", random.Random(self.rng.random()))
            self.histories.append(history)
            self.by_account[history.account_id] = history
            history.play(SPAN_S)
        for moment in range(3, SPAN_S, 4):
            self.at(moment, self.sweep)
        for _ in range(self.rng.randint(0, 6)):
            # AWS forgets a customer for the length of one answer, or says what was before.
            self.at(self.rng.uniform(0, SPAN_S), lambda: self.sandbox.fault(
                operation="GetEntitlements", kind=self.rng.choice(("empty", "stale")), count=1))
        while self.waiting:
            self._pass_a_moment()
        self.log(f"{self.elapsed():.1f} s: all has happened")
        self._rest()

    def _pass_a_moment(self):
        left_s = self.waiting[0][0] - time.monotonic()
        if left_s > 0:
            self.feed.next(min(200, int(left_s * 1000)))
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            heapq.heappop(self.waiting)[2]()
        self._carry_messages()
        self._judge_a_moment()

    def _carry_messages(self):
        for body in self.sandbox.take(queue="outbox")["bodies"]:
            name, agreement, account, identifier = read_notice(body)
            history = self.by_account.get(account) or next(
                history for history in self.histories if history.identifier == identifier)
            history.notice(name, agreement, body)

    # What histories have done here.

    def registered(self, deal, token):
        assert self.register(token).status == 200
        found = self.store.call("find", deal.own_handle)["subscriptions"]
        assert len(found) == 1, f"{deal}: {found}"
        self.store.call("link", found[0]["id"], deal.tenant)

    def watch(self, history, deal):
        self.watched.append((history, deal))

    def sweep(self):
        self.store.call("sweep")

    def _swept(self):
        """Returns when AWS's whole listing has been compared."""
        for product in self.store.call("sweep")["sweeps"]:
            self.store.call("wait", product["id"], product["ticket"], timeout_ms=30000)

    # The judgement.

    def _ask(self, name, handles, quantities=None):
        """(granted, allow, reason) of each handle."""
        client, answers = self.client(name), []
        questions = [[handle, "seats", quantity] for handle, quantity in
                     zip(handles, quantities or itertools.repeat(1))]
        for first in range(0, len(questions), 500):
            answers += client.call("check_many", questions[first:first + 500])["answers"]
        self.answers += len(answers)
        return [(answer.get("granted", 0), answer.get("allow", False),
                 answer.get("reason") or answer.get("error")) for answer in answers]

    def _judge_a_moment(self):
        """Whoever was served and still pays is served."""
        if time.monotonic() - self.judged < 0.3:
            return
        self.judged = time.monotonic()
        handles = [(history, deal, handle) for history, deal in self.watched
                   if history.truth.must_serve(deal) for handle in deal.handles()]
        for name in self.checkers:
            for (history, deal, handle), answer in zip(handles, self._ask(name, [h for _, _, h in handles])):
                if answer[0] == deal.seats and answer[1]:
                    deal.served.add((name, handle))
                elif not answer[1] and (name, handle) in deal.served:
                    self._tell(history, f"at {self.elapsed():.2f}, checker {name}: {handle} is refused: {answer}")
                    raise Wrong("a paying customer is refused")

    def _rest(self):
        self.sandbox.faults_clear()
        for again in (False, True):
            # The second time, nothing that is right may have been so for a moment only.
            self._swept()
            deadline = time.monotonic() + REST_S
            while True:
                wrong = self._what_is_wrong()
                if not wrong:
                    break
                if time.monotonic() > deadline:
                    for history in {history for history, _ in wrong}:
                        self._tell(history, *(sentence for one, sentence in wrong if one is history))
                    raise Wrong(f"{len(wrong)} answers are wrong at rest")
                self.feed.next(500)
            self.log(f"{self.elapsed():.1f} s: all is right{' again' if again else ''}")

    def _what_is_wrong(self):
        expected = {}
        for history, deal in self.watched:
            for handle in deal.handles():
                bounds = history.bounds_of(deal)
                if not deal.live and not deal.served:
                    bounds.exactly.add(0)  # AWS may never have listed it while anybody looked
                expected[handle] = (history, bounds)
        for history in self.histories:
            if history.truth.deals:
                expected[history.account_id] = (history, history.truth.bounds_of_account())
                if history.identifier:
                    expected[history.identifier] = expected[history.account_id]
        wrong, handles = [], list(expected)
        for name in self.checkers:
            granted = [answer[0] or 0 for answer in self._ask(name, handles)]
            for handle, answer in zip(handles, self._ask(name, handles, [max(1, g) for g in granted])):
                history, bounds = expected[handle]
                if not bounds.allow(answer[0] if answer[1] else 0, answer[2]):
                    wrong.append((history, f"at rest, checker {name}: {handle} gets {answer}, wanted {bounds}"))
        return wrong

    def _tell(self, history, *sentences):
        """Prints what happened, and what the store made of it."""
        lines = [*sentences, f"account {history.account_id}, {history.kind}", *history.lines, "deals:",
                 *(f"  {deal}" for deal in history.truth.deals)]
        for record in self.store.call("find", history.account_id)["subscriptions"]:
            lines.append(str(record))
            for entry in reversed(self.store.call("journal", "", 100, subscription=record["id"])["entries"]):
                lines.append(f"    {entry['time']} {entry.get('cause')} {entry.get('change')}")
        print("\n".join(lines), flush=True)
