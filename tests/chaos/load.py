"""What buyers, the vendor and its operators do."""
import concurrent.futures
import time
import urllib.error

from tests.support.rpc import Client, RpcError
from tests.support.sandbox import Refused
from tests.support.suite import LEGACY, NEW

from .model import Deal

YEAR_S = 365 * 24 * 3600
KINDS = {"buy": 6, "concurrent": 1, "dated": 1, "upgrade": 5, "downgrade": 2, "renew": 2,
         "cancel": 3, "expire": 1, "repeat": 1}
DEALS_MOST = 48


class Load:
    """Each action comes from the plan; which deal it hits follows from the plan's number."""

    def __init__(self, town, world, judge):
        self.town, self.world, self.judge = town, world, judge
        self.buyers = concurrent.futures.ThreadPoolExecutor(4)
        self.arriving = []

    def plan(self, rng, span_s, per_second, dated):
        kinds = [kind for kind in KINDS if dated or kind != "dated"]
        weights = [KINDS[kind] for kind in kinds]
        return sorted(({"at": rng.uniform(0, span_s), "kind": rng.choices(kinds, weights)[0],
                        "pick": rng.randrange(1 << 30), "seats": rng.randint(2, 200),
                        "new": rng.random() < 0.5, "order": rng.choice(["ended_first", "created_first"]),
                        "lose": rng.choice([[], [], ["deprovisioned"], ["ended"]])}
                       for _ in range(int(span_s * per_second))), key=lambda step: step["at"])

    def do(self, step):
        kind = step["kind"]
        if kind in ("cancel", "expire") and len(self.world.active()) < 8:
            kind = "buy"
        if kind in ("buy", "concurrent", "dated") and len(self.world.active()) >= DEALS_MOST:
            kind = "cancel"
        try:
            getattr(self, kind)(step)
            self.judge.count(f"load: {kind}")
        except Refused as error:
            self.judge.wrong(f"the campaign asks what the sandbox refuses: {kind}: {error}")

    def _pick(self, step, fits):
        deals = [deal for deal in self.world.active() if fits(deal)]
        return deals[step["pick"] % len(deals)] if deals else None

    # Buyers.

    def buy(self, step, account=None, product=None, **more):
        product = product or (NEW if step["new"] else LEGACY)
        self.world.bought += 1
        number = self.world.bought
        account = account or f"{100000000000 + number}"
        bought = self.town.sandbox.buy(product=product, account=account,
                                       dimensions={"seats": step["seats"]}, **more)
        deal = Deal(number, product, account, step["seats"], bought)
        deal.dated = bool(more)
        self.world.add(deal)
        self.arriving.append(self.buyers.submit(self._register, deal))
        return deal

    def concurrent(self, step):
        other = self._pick(step, lambda deal: deal.product == NEW and not deal.renewed)
        self.buy(step, account=other.account if other else None, product=NEW)

    def dated(self, step):
        self.buy(step, term_s=4, expiry_lag_s=-1)

    def _register(self, deal):
        """The buyer's browser; the buyer tries again with a fresh token."""
        for attempt in range(3):
            try:
                page = self.town.register(deal.token if attempt == 0 else
                                          self.town.sandbox.token(agreement=deal.agreement)["token"])
            except (urllib.error.URLError, OSError, AssertionError, Refused):
                time.sleep(0.5)
                continue
            if page.status == 200:
                deal.registered = True
                self.judge.count("registrations acknowledged")
                return
            self.judge.count("registrations put off")
            time.sleep(0.5)

    def upgrade(self, step, up=True):
        deal = self._pick(step, lambda deal: not deal.dated)
        if not deal:
            return
        with deal.lock:
            if deal.state != "active":
                return
            seats = deal.seats + step["seats"] if up else max(1, deal.seats // 2)
            deal.will_be(seats)
            self.town.sandbox.change(agreement=deal.agreement, dimensions={"seats": seats})
            deal.became(seats)

    def downgrade(self, step):
        self.upgrade(step, up=False)

    def renew(self, step):
        deal = self._pick(step, lambda deal: deal.settled and not deal.renewed and not deal.dated)
        if not deal:
            return
        with deal.lock:
            if deal.state != "active" or deal.renewed:
                return
            if deal.product == LEGACY:
                self.town.sandbox.change(agreement=deal.agreement,
                                         expires_at=int(time.time()) + 2 * YEAR_S)
                return
            deal.renewed = True
            deal.will_be(step["seats"])
            new = self.town.sandbox.renew(agreement=deal.agreement, order=step["order"],
                                          dimensions={"seats": step["seats"]}, lose=step["lose"])
            deal.agreement = new["agreement_id"]
            deal.became(step["seats"])

    def cancel(self, step, verb="cancel"):
        deal = self._pick(step, lambda deal: not deal.renewed and not deal.dated)
        if not deal:
            return
        with deal.lock:
            if deal.state != "active" or deal.renewed:
                return
            deal.ends()
            getattr(self.town.sandbox, verb)(agreement=deal.agreement)
            deal.ended()

    def expire(self, step):
        self.cancel(step, verb="expire")

    def repeat(self, step):
        deal = self._pick(step, lambda deal: deal.registered)
        if deal:
            self.arriving.append(self.buyers.submit(self._register, deal))

    def renew_dates(self):
        """AWS has processed the renewals at last."""
        for deal in self.world.active():
            if deal.dated:
                with deal.lock:
                    deal.dated = False
                    self.town.sandbox.change(agreement=deal.agreement,
                                             expires_at=int(time.time()) + YEAR_S)

    def settle(self):
        concurrent.futures.wait(self.arriving)
        for future in self.arriving:
            future.result()
        self.arriving.clear()

    def close(self):
        self.buyers.shutdown()


class Writer:
    """The vendor links tenants, one after the other: every acknowledgement is remembered."""

    def __init__(self, town, world, judge):
        self.town, self.world, self.judge = town, world, judge
        self.client = Client(town.endpoint_of("store"), timeout_ms=1500)
        self.number = 0

    def step(self):
        deals = [deal for deal in self.world.active() if deal.settled and not deal.renewed]
        if not deals:
            time.sleep(0.05)
            return
        self.number += 1
        deal = deals[self.number % len(deals)]
        tenant = f"tenant-{deal.number}-{self.number}"
        deal.links[tenant] = False
        try:
            self.client.call("link", deal.handle, tenant, product=deal.product)
        except (RpcError, TimeoutError) as error:
            if isinstance(error, RpcError) and error.code not in ("unavailable", "timeout", "internal"):
                self.judge.wrong(f"link of {deal}: {error}")
            time.sleep(0.02)
            return
        deal.links[tenant] = True
        self.judge.count("writes acknowledged")
        time.sleep(0.01)
