"""What happens to the daemons, to their disk and to AWS."""
import random
import signal
import time

from tests.support.rpc import Client, RpcError

from .disk import BELOW_FLOOR, FULL, PLENTY

DAEMONS = ("store", "checker-1", "checker-2", "registrar", "poller", "poller-2")
KINDS = {"kill": 8, "stop": 4, "restart": 2, "power_cut": 3, "low_disk": 1, "full_disk": 1, "zombie": 2}

HARMLESS_ERRORS = ("throttle", "error500", "hang", "truncate", "delay")
WEATHER = (
    [("GetEntitlements", kind) for kind in (*HARMLESS_ERRORS, "stale", "reorder")]
    + [("ReceiveMessage", kind) for kind in (*HARMLESS_ERRORS, "empty", "duplicate", "reorder", "lose",
                                             "tamper")]
    + [("DeleteMessageBatch", kind) for kind in (*HARMLESS_ERRORS, "empty")]
    + [("ResolveCustomer", kind) for kind in HARMLESS_ERRORS]
    + [("Event", kind) for kind in ("duplicate", "reorder")])
# An empty answer is held, not believed: as long as it lasts, every call gets one.
CLOUDS = (("GetEntitlements", "wrong_account"), ("GetEntitlements", "empty"))


class Disturber:
    def __init__(self, town, world, judge, log):
        self.town, self.world, self.judge, self.log = town, world, judge, log

    def plan(self, rng, span_s, lies, only=None):
        kinds = list(only or KINDS)
        steps, at = [], 0.3
        while at < span_s:
            steps.append({"at": at, "kind": rng.choices(kinds, [KINDS[k] for k in kinds])[0],
                          "target": rng.choice(DAEMONS), "hold": rng.choice([0, 0, 0.2, 1.0, 2.5, 4.5]),
                          "torn": rng.random() < 0.5, "seed": rng.randrange(1 << 30)})
            at += rng.uniform(0.2, 1.5)
        weather = [{"at": rng.uniform(0, span_s), "operation": operation, "fault": kind,
                    "count": rng.randint(1, 3)}
                   for operation, kind in rng.choices(WEATHER, k=int(span_s / 1.5))]
        if lies:
            operation, kind = rng.choice(CLOUDS)
            weather.append({"at": rng.uniform(0, span_s / 2), "operation": operation, "fault": kind,
                            "count": -1})
        return steps, sorted(weather, key=lambda step: step["at"])

    def spoil(self, step):
        if step["fault"] == "stale":
            self.world.blurred = True
        more = {"delay_ms": 700} if step["fault"] == "delay" else {}
        self.town.sandbox.fault(operation=step["operation"], kind=step["fault"],
                                count=step["count"], **more)
        self.judge.count(f"fault: {step['operation']} {step['fault']}")

    def do(self, step):
        target = step["target"]
        if step["kind"] in ("power_cut", "low_disk", "full_disk"):
            target = "store"
        if step["kind"] == "zombie":
            return self.zombie(step)
        if not self.town.locks[target].acquire(blocking=False):
            return
        try:
            self.log(f"{step['kind']} {target} for {step['hold']} s")
            getattr(self, step["kind"])(target, step)
            self.judge.count(step["kind"])
        finally:
            self.town.locks[target].release()

    def _revive(self, target):
        if not self.town[target].alive():
            self.town.start_one(target)

    def kill(self, target, step):
        if self.town[target].alive():
            self.town[target].kill()
        time.sleep(step["hold"])
        self._revive(target)

    def restart(self, target, step):
        process = self.town[target]
        if process.alive():
            code = process.stop()
            # One that has just been started may not listen to signals yet: then SIGTERM itself ends it.
            if code not in (0, -signal.SIGTERM):
                self.judge.wrong(f"{target} was stopped and ended with {code}:\n{process.tail()}")
        time.sleep(step["hold"])
        self._revive(target)

    def stop(self, target, step):
        process = self.town[target]
        if not process.alive():
            return
        process.freeze()
        time.sleep(max(step["hold"], 0.3))
        process.thaw()

    def power_cut(self, target, step):
        if self.town[target].alive():
            self.town[target].kill()
        self.town.disk.power_cut(random.Random(step["seed"]), step["torn"])
        time.sleep(step["hold"])
        self._revive(target)

    def low_disk(self, target, step):
        self.town.disk.space(BELOW_FLOOR)
        time.sleep(max(step["hold"], 0.5))
        self.town.disk.space(PLENTY)

    def full_disk(self, target, step):
        """The store may end, for what it cannot write it cannot acknowledge; what runs it starts it."""
        self.town.disk.space(FULL)
        time.sleep(max(step["hold"], 0.5))
        self.town.disk.space(PLENTY)
        if not self._answers(target):
            self.judge.count("ended by a full disk")
        self._revive(target)

    def _answers(self, target):
        """False once it has ended: it may be starting, or get over it."""
        client = Client(self.town.endpoint_of(target), timeout_ms=250)
        try:
            for _ in range(240):
                if not self.town[target].alive():
                    return False
                try:
                    client.call("ping")
                    return True
                except TimeoutError:
                    pass
            self.judge.wrong(f"{target} neither ends nor answers after a full disk")
            return True
        finally:
            client.close()

    def zombie(self, step):
        """A checker whose clock is ahead comes back with an answer after its lease has ended."""
        client = Client(self.town.endpoint_of("store"), timeout_ms=2500)
        try:
            self._come_back_late(client)
        except (RpcError, TimeoutError):
            pass
        finally:
            client.close()

    def _come_back_late(self, client):
        claim = client.call("claim", "zombie", timeout_ms=2000)
        time.sleep(claim["lease_ms"] / 1000 + 0.3)
        record = claim["subscription"]
        row = {"product_code": record["product_code"], "dimension": "seats", "value": 1000000,
               "expires_at": int(time.time()) + 10**7,
               **{name: record[name] for name in ("license_arn", "account_id", "customer_identifier")
                  if record.get(name)}}
        self.judge.count("zombie")
        try:
            client.call("apply", record["id"], claim["fence"], int(time.time()), claim["scope"], [row])
        except RpcError as error:
            if error.code not in ("conflict", "not_found", "unavailable", "timeout"):
                self.judge.wrong(f"the answer of a lapsed claim: {error}")
        else:
            self.judge.wrong(f"the answer of a lapsed claim was taken, fence {claim['fence']} of "
                             f"{record['id']}")

    def clear_the_sky(self):
        """Whatever was left standing is ended; every daemon runs and is ready."""
        self.town.sandbox.faults_clear()
        self.town.disk.space(PLENTY)
        for name, process in self.town.processes.items():
            with self.town.locks[name]:
                if not process.alive():
                    self.judge.wrong(f"{name} ended by itself with {process.popen.returncode}:\n"
                                     f"{process.tail()}")
                    self.town.start_one(name)
        self.town.wait_ready()
