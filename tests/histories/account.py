"""One account's history: what its buyer does, and which of AWS's notices arrive, when and how often."""
import json

from .truth import Account, Deal

# How a notice arrives: (of a hundred, how late in seconds and how often).
FATES = ((62, ((0, 0),)), (8, ()), (15, ((1, 9),)), (8, ((0, 0), (0, 6))), (7, ((2, 4),)))
# Nobody renews or replaces what was bought, or renewed, moments ago: three times as long as two answers are apart
# that confirm an end.
RENEWED_AFTER_S = 6
STEPS = ("buy", "register", "change", "renew", "renew", "cancel", "cancel", "rest", "rest")


class History:
    def __init__(self, town, product, kind, account, rng):
        self.town, self.product, self.kind, self.account_id, self.rng = town, product, kind, account, rng
        self.truth = Account(kind)
        self.identifier = ""
        self.numbers = rng.sample(range(1, 500), 60)  # of seats, each once: an answer shows whose they are
        self.lines = []

    def note(self, text):
        self.lines.append(f"{self.town.elapsed():7.2f}  {text}")

    def play(self, span_s):
        """Plans the history: its steps at random moments of the span, begun by a purchase."""
        count = self.rng.randint(3, 10)
        moments = sorted(self.rng.uniform(0, span_s) for _ in range(count))
        self.town.at(self.rng.uniform(0, 2), self.buy)
        for moment in moments:
            self.town.at(2 + moment, self.step)

    def step(self):
        getattr(self, self.rng.choice(STEPS))()

    # What a buyer does.

    def rest(self):
        pass

    def _gap(self):
        """How long AWS lists nothing of what was just accepted."""
        return self.rng.choice((0, 0, 1, 2))

    def _pick(self):
        live = self.truth.live()
        return self.rng.choice(live) if live else None

    def _deal(self, answer, seats):
        self.identifier = answer.get("customer_identifier", "")
        arn = answer["license_arn"]
        own = self.identifier if self.kind == "legacy" else self.rng.choice((arn, arn.rsplit(":", 1)[1]))
        deal = Deal(answer["agreement_id"], arn, own, seats, self.town.elapsed())
        self.truth.deals.append(deal)
        self.town.watch(self, deal)
        return deal

    def bounds_of(self, deal):
        # A legacy listing knows one customer by one identifier, whatever was bought under it.
        return self.truth.bounds_of_account() if self.kind == "legacy" else self.truth.bounds_of(deal)

    def buy(self):
        if self.kind == "legacy" and self.truth.live():
            return
        seats, more = self.numbers.pop(), {}
        if self.rng.random() < 0.2:
            more = {"term_s": self.rng.randint(6, 9), "expiry_lag_s": -1}
        answer = self.town.sandbox.buy(product=self.product, account=self.account_id,
                                       dimensions={"seats": seats}, pending_s=self._gap(), **more)
        deal = self._deal(answer, seats)
        self.note(f"buy {deal}{' with a date in ' + str(more['term_s']) + ' s' if more else ''}")
        if more:
            self.town.at(more["term_s"] + self.rng.uniform(0, 2), lambda: self._date_came(deal))
        if self.rng.random() < 0.75:
            self.town.at(self.rng.uniform(0, 4), lambda: self.register(deal))

    def register(self, deal=None):
        deal = deal or self._pick()
        if not deal or not deal.live or deal.tenant:
            return
        token = self.town.sandbox.token(agreement=deal.agreement)["token"]
        # A legacy listing's customer is one record, which has one tenant.
        deal.tenant = f"tenant-{self.identifier if self.kind == 'legacy' else deal.license[-8:]}"
        self.note(f"register {deal}")
        self.town.registered(deal, token)

    def change(self):
        deal = self._pick()
        if not deal:
            return
        seats = self.numbers.pop()
        self.town.sandbox.change(agreement=deal.agreement, dimensions={"seats": seats})
        deal.resized(seats)
        self.note(f"change {deal}")

    def renew(self, deal=None):
        deal = deal or self._pick()
        if not deal or not deal.live or self.town.elapsed() < deal.begun_s + RENEWED_AFTER_S:
            return
        seats = self.rng.choice((deal.seats, self.numbers.pop()))
        verb = self.rng.choice(("renew", "renew", "replace"))
        keep = self.rng.random() < 0.2
        options = {"order": self.rng.choice(("ended_first", "created_first")), "keep_license": keep,
                   "pending_s": self._gap(), "term_days": 365}
        answer = self.town.sandbox.verb(verb, agreement=deal.agreement, dimensions={"seats": seats}, **options)
        if keep:
            # The licence, and whoever is known by it, stays what it is.
            deal.names_predecessor = deal.names_predecessor and {"created", "updated"} <= deal.told
            deal.agreement, deal.told, deal.begun_s = answer["agreement_id"], set(), self.town.elapsed()
            deal.resized(seats)
            self.note(f"{verb}, licence kept: {deal} {options}")
            return
        deal.status = "RENEWED" if verb == "renew" else "REPLACED"
        deal.successor = self._deal(answer, seats)
        deal.successor.names_predecessor = verb == "renew"
        self.note(f"{verb} {deal} {options}\n         to {deal.successor}")

    def cancel(self):
        deal = self._pick()
        if not deal:
            return
        deal.status = self.rng.choice(("CANCELLED", "TERMINATED"))
        self.town.sandbox.cancel(agreement=deal.agreement, status=deal.status)
        self.note(f"cancel {deal}")

    def _date_came(self, deal):
        if not deal.live:
            return
        if self.rng.random() < 0.5:
            self.renew(deal)
            return
        deal.status = "EXPIRED"
        self.town.sandbox.expire(agreement=deal.agreement)
        self.note(f"expire {deal}")

    # What arrives of it.

    def notice(self, name, agreement, body):
        """A notice left AWS: it arrives as its fate wants it."""
        draw = self.rng.uniform(0, 100)
        for share, arrivals in FATES:
            if draw < share:
                break
            draw -= share
        delays = [self.rng.uniform(*span) for span in arrivals]
        self.note(f"    {name} of {agreement[:14] or 'the identifier'}: "
                  + (", ".join(f"in {delay:.1f} s" for delay in delays) or "lost"))
        for delay in delays:
            self.town.at(delay, lambda: self._arrives(name, agreement, body))

    def _arrives(self, name, agreement, body):
        self.town.sandbox.send_event(body=body)
        for deal in self.truth.deals:
            if deal.agreement == agreement:
                deal.told.add(name)


def read_notice(body):
    """(short name, agreement id, account id, customer identifier) of a body of the queue."""
    outer = json.loads(body)
    if "detail-type" in outer:
        detail = outer["detail"]
        kind = outer["detail-type"].split(" - ")[0]
        name = {"License Updated": "updated", "License Deprovisioned": "deprovisioned",
                "Purchase Agreement Created": "created", "Purchase Agreement Ended": "ended",
                "Purchase Agreement Amended": "amended"}[kind]
        return name, detail["agreement"]["id"], detail["acceptor"]["accountId"], ""
    inner = json.loads(outer["Message"])
    return inner["action"], "", "", inner["customer-identifier"]
