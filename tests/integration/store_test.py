"""The store alone, as a real process, driven by a foreign client."""
import shutil
import signal
import time

import pytest

from tests.support.place import Place
from tests.support.rpc import Client, Feed, RpcError
from tests.support.sandbox import BUYER, LEGACY, NEW, PRODUCTS

LICENSE = "arn:aws:license-manager::111122223333:license:l-0000000000000000000000000000aaaa"
# As AWS's user guide prints it in events.
EVENT_LICENSE = "aws:license-manager:us-east-1:111122223333:l-0000000000000000000000000000aaaa"

COMMIT = ("incarnation", "seq", "subscriptions", "removed", "overrides", "overrides_removed",
          "truncated")

class Store(Place):
    def __init__(self):
        super().__init__()
        self.write_settings(
            {"entitled": {"end_confirm_delay": "1s", "unannounced_end_delay": "1s"},
             "store": {"directory": self.directory / "data", "heartbeat_interval": "100ms",
                       "sweep_interval": 0, "lease": "2s", "free_space_floor": 0}},
            PRODUCTS)
        self.process = self.another("store")
        self.endpoint = self.socket("store.rpc")
        self.client = Client(self.endpoint)
        self.feed = Feed(self.socket("store.feed"))

    def another(self, name):
        return self.program(name, "entitled-store")

    def close(self):
        self.client.close()
        self.feed.close()
        if self.process.alive():
            assert self.process.stop() == 0, self.process.tail()
        self.process.check_sanitizers()
        self.remove()

    def call(self, method, *params, **options):
        return self.client.call(method, *params, **options)

    def claim_of(self, subscription, checker):
        """The next claim of that one: a new store has its products swept as well."""
        while True:
            claim = self.call("claim", checker, timeout_ms=20000)
            if claim["subscription"]["id"] == subscription:
                return claim

    def restart(self, how=signal.SIGKILL):
        self.process.kill() if how == signal.SIGKILL else self.process.stop()
        self.process.start()

    def commits(self, until_seq):
        """The feed's commit events up to that one."""
        events = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            came = self.feed.next(1000)
            if came and came[0] == "commit":
                events.append(dict(zip(COMMIT, came[1])))
                if events[-1]["seq"] >= until_seq:
                    return events
        raise AssertionError(f"no commit {until_seq} in {events}")

    def heartbeat(self):
        """Waits until the feed is heard."""
        while True:
            came = self.feed.next(10000)
            assert came, "no heartbeat"
            if came[0] == "heartbeat":
                return

    def refresh(self, rows, **options):
        """Claims what is due next and applies an answer to it."""
        claim = self.call("claim", "test", timeout_ms=20000)
        now = int(time.time())
        result = self.call("apply", claim["subscription"]["id"], claim["fence"], now,
                           claim["scope"], rows, checker="test", **options)
        return claim, result


@pytest.fixture
def store():
    running = Store()
    running.process.start()
    yield running
    running.close()


def row(license_arn=LICENSE, value=10, dimension="seats", **more):
    return {"product_code": NEW, "license_arn": license_arn, "account_id": BUYER,
            "dimension": dimension, "value": value, "expires_at": 4000000000, **more}


def event(kind, event_id, **more):
    return {"queue": "main", "message_id": event_id, "event_id": event_id, "source": "eventbridge",
            "kind": kind, "product_code": NEW, "account_id": BUYER, "body": b"{}", **more}


def test_a_purchase_is_registered_asked_about_and_found(store):
    store.heartbeat()
    registered = store.call("register", NEW, account_id=BUYER, license_arn=LICENSE,
                            token_sha256="ab" * 32)
    assert registered["created"]
    subscription = registered["subscription"]["id"]
    assert registered["subscription"]["license_key"] == "l-0000000000000000000000000000aaaa"

    waiting = Client(store.endpoint)
    wait = waiting.send("wait", subscription, registered["ticket"], timeout_ms=20000)
    claim, result = store.refresh([row()])
    assert claim["class"] == "registration" and claim["scope"] == "license"
    assert result == {"changed": True, "subscriptions": [subscription]}
    seen = waiting.receive(wait)["subscription"]
    assert seen["entitlements"] == [{"dimension": "seats", "value": 10, "expires_at": 4000000000}]
    waiting.close()

    linked = store.call("link", LICENSE, "tenant-1", author="ops")["subscription"]
    for handle in ("tenant-1", LICENSE, EVENT_LICENSE, BUYER, subscription,
                   "l-0000000000000000000000000000aaaa"):
        assert store.call("find", handle)["subscriptions"] == [linked], handle
    assert store.call("list")["subscriptions"] == [linked]
    assert store.call("token_find", "ab" * 32)["subscription"] == linked
    again = store.call("register", NEW, account_id=BUYER, license_arn=LICENSE)
    assert not again.get("created") and again["subscription"]["id"] == subscription

    commits = store.commits(linked["seq"])
    assert [one["seq"] for one in commits] == list(range(1, linked["seq"] + 1))
    assert commits[-1]["subscriptions"] == [linked]
    entries = store.call("journal")["entries"]
    assert [entry["cause"] for entry in entries] == ["operator", "refresh", "registration"]
    assert entries[0]["author"] == "ops" and "tenant-1" in entries[0]["change"]


def test_events_of_the_sellers_other_listings_are_kept_and_not_acted_on(store):
    told = store.call("notify", event("license_updated", "e1", product_code="an-image",
                                      license=LICENSE, type="License Updated - Manufacturer"))
    assert told["outcome"] == "not_ours" and not told.get("subscriptions")
    kept, = store.call("notifications")["notifications"]
    assert kept["outcome"] == "not_ours" and "its product is not in the settings" in kept["problem"]
    assert not store.call("list").get("subscriptions")


def test_snapshot_and_changes_lead_to_the_same(store):
    for number in range(25):
        store.call("register", NEW, account_id=f"{number:012d}")
    chunks, after = [], ""
    while True:
        chunk = store.call("snapshot", after, 10)
        chunks.append(chunk)
        after = chunk.get("next", "")
        if not after:
            break
    assert [len(chunk["subscriptions"]) for chunk in chunks] == [10, 10, 5]
    records = {one["id"]: one for chunk in chunks for one in chunk["subscriptions"]}
    assert list(records) == sorted(records) and len(records) == 25
    seq, incarnation = chunks[-1]["seq"], chunks[-1]["incarnation"]

    linked = store.call("link", "000000000003", "tenant-3")["subscription"]
    changes = store.call("changes", incarnation, seq)
    assert changes["subscriptions"] == [linked] and changes["seq"] == linked["seq"] == seq + 1
    assert not store.call("changes", incarnation, seq + 1).get("subscriptions")
    everything = store.call("changes", incarnation, 0)
    assert {one["id"]: one for one in everything["subscriptions"]} == \
        {**records, linked["id"]: linked}
    for wrong in (("0" * 32, seq), (incarnation, seq + 2), (incarnation, -1)):
        with pytest.raises(RpcError) as refused:
            store.call("changes", *wrong)
        assert refused.value.code == "not_found"


def test_an_acknowledged_write_survives_sigkill(store):
    incarnation = store.call("describe")["incarnation"]
    writer = Client(store.endpoint)
    sent = {writer.send("register", NEW, account_id=f"{number:012d}"): f"{number:012d}"
            for number in range(400)}
    acknowledged = []
    for _ in range(100):
        acknowledged.append(writer.receive()["subscription"])
    store.restart()
    writer.close()
    assert len(sent) == 400
    for one in acknowledged:
        assert store.call("find", one["account_id"])["subscriptions"] == [one]
    described = store.call("describe")
    assert described["incarnation"] == incarnation
    assert described["seq"] >= max(one["seq"] for one in acknowledged)
    # What was due is due again, and new claims are above the old ones.
    assert store.call("claim", "test")["fence"] > 1 << 32


def test_a_second_store_refuses_to_start(store):
    second = store.another("second")
    second.start(wait=False)
    assert second.popen.wait(30) == 1
    assert "is held by entitled-store" in second.said()
    store.call("ping")


def test_a_claim_lapses_and_its_answer_is_refused(store):
    subscription = store.call("register", NEW, account_id=BUYER,
                              license_arn=LICENSE)["subscription"]["id"]
    first = store.claim_of(subscription, "one")
    assert store.call("due", subscription)["claimed_by"] == "one"
    second = store.claim_of(subscription, "two")
    assert second["fence"] > first["fence"]
    now = int(time.time())
    with pytest.raises(RpcError) as refused:
        store.call("apply", subscription, first["fence"], now, "license", [row(value=99)])
    assert refused.value.code == "conflict"
    assert store.call("apply", subscription, second["fence"], now, "license", [row()])["changed"]
    assert store.call("find", BUYER)["subscriptions"][0]["entitlements"][0]["value"] == 10


def test_claims_that_one_call_can_be_about_come_together(store):
    def register(number, product=NEW, licensed=True):
        license_arn = f"arn:aws:license-manager::111122223333:license:l-{number:032d}"
        more = {"license_arn": license_arn} if licensed else {}
        return store.call("register", product, account_id=f"{number:012d}",
                          **more)["subscription"]["id"]

    def claim(checker, **options):
        """A new store has its products swept as well."""
        while True:
            work = store.call("claim", checker, timeout_ms=20000, **options)
            if "sweep" not in work:
                return work

    ids = [register(number) for number in range(1, 6)]
    other = register(6, product=LEGACY)
    unlicensed = register(7, licensed=False)
    last = register(8)
    first = claim("one", at_most=4)
    assert [first["subscription"]["id"]] + [one["subscription"]["id"] for one in first["others"]] \
        == ids[:4]
    assert all(one["fence"] > first["fence"] for one in first["others"])
    # The next ones, as long as they fit.
    second = claim("one", at_most=4)
    assert second["subscription"]["id"] == ids[4] and "others" not in second
    assert claim("one", at_most=4)["subscription"]["id"] == other
    third = claim("one", at_most=4)
    assert third["subscription"]["id"] == unlicensed and "others" not in third
    assert claim("one")["subscription"]["id"] == last
    # Each has a claim of its own: one is applied, one given back, the rest lapse.
    now = int(time.time())
    license_arn = first["others"][0]["subscription"]["license_arn"]
    assert store.call("apply", ids[1], first["others"][0]["fence"], now, "license",
                      [row(license_arn, account_id="2".zfill(12))])["changed"]
    store.call("release", ids[2], first["others"][1]["fence"], retry_after_ms=1)
    assert store.claim_of(ids[2], "two")["fence"] > first["others"][2]["fence"]
    # What lapsed is asked about alone.
    lapsed = claim("two", at_most=4)
    while lapsed["subscription"]["id"] not in (ids[0], ids[3]):
        lapsed = claim("two", at_most=4)
    assert "others" not in lapsed


def test_work_of_a_checker_that_died_waiting_goes_to_another(store):
    dead = Client(store.endpoint)
    dead.send("claim", "dead", timeout_ms=60000, at_most=100)
    while not any(one["name"] == "entitled_claims_waiting" and one["value"] == 1
                  for one in store.call("stats")["counters"]):
        pass
    dead.close()
    # While others take the quota's tokens they gather: one reply was to be about all of them.
    others = Client(store.endpoint)
    tokens = [others.send("quota", "registration", timeout_ms=60000) for _ in range(10)]
    sent = [store.client.send("register", NEW, account_id=f"{number:012d}",
                              license_arn=f"arn:aws:license-manager::1:license:l-{number:032d}")
            for number in range(1, 6)]
    registered = {store.client.receive(one)["subscription"]["id"] for one in sent}
    for token in tokens:
        others.receive(token)
    came = set()
    while came != registered:
        claim = store.call("claim", "alive", timeout_ms=1500, at_most=10)
        came |= {one["subscription"]["id"] for one in [claim, *claim.get("others", [])]}
    others.close()


def test_a_notification_twice_and_before_the_registration(store):
    updated = event("license_updated", "event-1", license=EVENT_LICENSE, agreement_id="agmt-1",
                    offer_id="offer-1", type="License Updated - Manufacturer", event_time=1790000000)
    first = store.call("notify", updated)
    assert first["outcome"] == "applied" and len(first["subscriptions"]) == 1
    assert store.call("notify", updated) == {"outcome": "duplicate",
                                             "subscriptions": first["subscriptions"]}
    record = store.call("find", "agmt-1")["subscriptions"][0]
    assert record["license_key"].endswith("aaaa") and "license_arn" not in record
    assert "registered_at" not in record
    claim, _ = store.refresh([row()])
    assert claim["scope"] == "account" and claim["class"] == "notification"

    registered = store.call("register", NEW, account_id=BUYER, license_arn=LICENSE)
    assert not registered.get("created")
    assert registered["subscription"]["id"] == record["id"]
    assert registered["subscription"]["license_arn"] == LICENSE
    assert registered["subscription"]["agreement_id"] == "agmt-1"
    listed = store.call("notifications", subscription=record["id"])["notifications"]
    assert [one["outcome"] for one in listed] == ["duplicate", "applied"]
    assert "body" not in listed[0]


def test_contacts_are_nowhere_else(store):
    subscription = store.call("register", NEW, account_id=BUYER)["subscription"]["id"]
    fields = [{"name": "email", "value": "buyer@example.com"}]
    store.heartbeat()
    store.call("contact_put", subscription, fields)
    assert store.call("contact_get", subscription)["fields"] == fields
    # That there is one is in the journal, so it is a commit; what it says is not.
    assert "buyer@example.com" not in repr(store.commits(store.call("describe")["seq"]))
    for method, params in (("snapshot", ()), ("journal", ()), ("find", (BUYER,))):
        assert "buyer@example.com" not in repr(store.call(method, *params))
    store.call("contact_put", subscription, [])
    assert store.call("contact_get", subscription)["fields"] == []
    store.process.stop()
    assert "buyer@example.com" not in store.process.said()
    assert b"buyer@example.com" not in (store.directory / "data" / "contacts.db").read_bytes()


def test_overrides_are_published_and_journalled(store):
    store.heartbeat()
    override = store.call("override_put", {"handle": BUYER, "action": "allow", "author": "ops",
                                           "reason": "a favour"})["override"]
    commit = store.commits(1)[-1]
    assert commit["overrides"] == [override] and override["seq"] == commit["seq"]
    assert store.call("snapshot")["overrides"] == [override]
    store.call("override_remove", override["id"], author="ops")
    assert store.commits(2)[-1]["overrides_removed"] == [override["id"]]
    assert not store.call("snapshot").get("overrides")
    entries = store.call("journal")["entries"]
    assert [entry["override"] for entry in entries] == [override["id"]] * 2
    with pytest.raises(RpcError) as refused:
        store.call("override_remove", override["id"])
    assert refused.value.code == "not_found"


def test_checkers_that_announce_themselves_are_known(store):
    peer = {"daemon": "entitled-checker", "name": "1", "endpoints": ["ipc:///run/checker-1"]}
    assert store.call("announce", peer)["peers"] == [peer]
    assert store.call("describe")["peers"] == [peer]


def test_the_signing_key_is_made_once(store):
    keys = store.call("signing_keys")["keys"]
    assert len(keys) == 1 and len(keys[0]["secret"]) == 32
    store.restart(signal.SIGTERM)
    assert store.call("signing_keys")["keys"] == keys


def test_a_new_signing_key_comes_first_and_may_revoke_the_others(store):
    [first] = store.call("signing_keys")["keys"]
    assert store.call("signing_key_make", author="kim") == {"id": "2", "revoked": 0}
    second, *others = store.call("signing_keys")["keys"]
    assert second["id"] == "2" and second["secret"] != first["secret"] and others == [first]
    for _ in range(6):
        assert store.call("signing_key_make")["revoked"] == 0
    assert store.call("signing_key_make") == {"id": "9", "revoked": 1}  # eight at most
    assert [key["id"] for key in store.call("signing_keys")["keys"]] == list("98765432")
    assert store.call("signing_key_make", revoke=True, author="kim") == {"id": "10", "revoked": 8}
    store.restart(signal.SIGKILL)
    keys = store.call("signing_keys")["keys"]
    assert [key["id"] for key in keys] == ["10"]
    entries = store.call("journal")["entries"]
    assert entries[0]["author"] == "kim" and entries[0]["event"] == "operator"
    assert "8 keys revoked" in entries[0]["change"]
    assert not any(key["secret"] in str(entries).encode() for key in [first, second, *keys])


def test_the_pace_stays_below_the_quota(store):
    tokens = [store.client.send("quota", "notification", timeout_ms=20000) for _ in range(45)]
    times = []
    for msgid in tokens:
        store.client.receive(msgid)
        times.append(time.monotonic())
    # AWS allows 20 in any second.
    assert all(later - earlier >= 0.95 for earlier, later in zip(times, times[20:]))


def test_without_space_writes_are_refused_and_reading_goes_on():
    store = Store()
    assert shutil.disk_usage(store.directory).free < 1 << 40
    store.config.write_text(store.config.read_text().replace("free_space_floor = 0",
                                                             "free_space_floor = 1024G"))
    store.process.start()
    with pytest.raises(RpcError) as refused:
        store.call("register", NEW, account_id=BUYER)
    assert refused.value.code == "unavailable" and "free_space_floor" in refused.value.message
    assert store.call("list")["subscriptions"] == []
    store.close()
