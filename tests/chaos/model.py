"""What AWS said, kept beside the suite: every answer is judged by it."""
import threading


class Failure(AssertionError):
    """A promise was broken."""


class Judge:
    """Collects what was wrong, counts what was right."""

    def __init__(self, log):
        self.log = log
        self.lock = threading.Lock()
        self.wrongs = []
        self.counts = {}

    def count(self, name, by=1):
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + by

    def wrong(self, sentence):
        with self.lock:
            self.wrongs.append(sentence)
        self.log(f"WRONG: {sentence}")

    def check(self):
        if self.wrongs:
            raise Failure("\n".join(self.wrongs[:20]))


class Deal:
    """One purchase. `low` was granted at all times, more than `high` at none."""

    def __init__(self, number, product, account, seats, bought):
        self.number, self.product, self.account = number, product, account
        self.agreement = bought["agreement_id"]
        self.handle = bought.get("customer_identifier") or bought["license_arn"]
        self.token = bought["token"]
        self.seats = self.low = self.high = seats
        self.state = "active"  # then "ending", "ended"
        self.version = 0       # of what the buyer did
        self.over = False      # ended, and in a calm every checker has refused it
        self.settled = False   # every checker has allowed it
        self.allowed_by = set()
        self.registered = False
        self.renewed = False
        self.dated = False     # its date comes before AWS has processed the renewal
        self.subscription = None
        self.links = {}        # tenant id -> whether the store acknowledged it
        self.lock = threading.Lock()

    def will_be(self, seats):
        """Before AWS is told: from now on the old and the new number may be answered."""
        self.version += 1
        self.low, self.high = min(self.low, seats), max(self.high, seats)

    def became(self, seats):
        self.seats = seats

    def ends(self):
        self.version += 1
        self.state = "ending"

    def ended(self):
        self.state = "ended"

    def must_allow(self, checker):
        return self.state == "active" and (self.settled or checker in self.allowed_by)

    def last_links(self):
        """The tenant ids of which one must be there: the last acknowledged one or a later attempt."""
        names = list(self.links)
        acknowledged = [i for i, name in enumerate(names) if self.links[name]]
        return names[acknowledged[-1]:] if acknowledged else []

    def __str__(self):
        return f"deal {self.number} ({self.handle}, {self.seats} seats, {self.state})"


class World:
    def __init__(self):
        self.deals = []
        self.bought = 0
        self.blurred = False  # AWS may have said again what was before
        self.lock = threading.Lock()

    def add(self, deal):
        with self.lock:
            self.deals.append(deal)

    def active(self):
        with self.lock:
            return [deal for deal in self.deals if deal.state == "active"]

    def all(self):
        with self.lock:
            return list(self.deals)

    def forget(self, deals):
        with self.lock:
            self.deals = [deal for deal in self.deals if deal not in deals]
