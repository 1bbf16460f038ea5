"""libentitled in process: a copy of the records kept through a checker's feed."""
import os
import time
from random import Random

import pytest

from tests.support.conformance import Ask, cases, check, moved
from tests.support.stub_checker import Failure, StubChecker

PROGRAM = os.environ["TEST_ASK"]
CASES = cases()
QUESTION = {"handle": "acme", "dimension": "seats", "quantity": 3}
READY = {"wait_ms": 60000}
KINDS = pytest.mark.parametrize("kind", [[], ["--subset"]], ids=["all", "subset"])


@pytest.fixture
def checker(directory):
    with StubChecker(directory, "1") as running:
        running.commit([record()])
        yield running


def record(id="s-1", version=1, seats=3, **more):
    return {"id": id, "version": version, "product_code": "p", "tenant": "acme",
            "verified_at": int(time.time()), "created_at": 1,
            "entitlements": [{"dimension": "seats", "value": seats}], **more}


def ask_until(ask, wanted, question=QUESTION, timeout_s=60):
    """Asks until the answer is (allow, reason, granted)."""
    deadline = time.monotonic() + timeout_s
    while True:
        got = ask(question)
        answer = got.get("answer", {})
        if (answer.get("allow"), answer.get("reason"), answer.get("granted")) == wanted:
            return got
        assert time.monotonic() < deadline, got


def from_copy(ask, question=QUESTION, timeout_s=60):
    """Asks until the copy answers: of a handle it does not know it asks the checker first."""
    deadline = time.monotonic() + timeout_s
    while (got := ask(question)).get("age_ms", 0) < 0:
        assert time.monotonic() < deadline, got
    return got


def in_process(directory, *arguments):
    return Ask(PROGRAM, "in-process", "--directory", directory, *arguments)


@pytest.mark.parametrize("how", [[], ["--async"]], ids=["blocking", "asynchronous"])
@KINDS
@pytest.mark.parametrize("name", CASES)
def test_conformance(directory, name, how, kind):
    now = int(time.time())
    case = moved(CASES[name], now - CASES[name]["now"])
    with StubChecker(directory, "1") as checker:
        checker.policy, checker.products = case.get("policy"), case.get("products", [])
        checker.commit(case["subscriptions"], overrides=case.get("overrides", []))
        with in_process(directory, *kind, *how) as ask:
            assert ask(READY) == {"ready": True}
            for question in case["questions"]:
                if question["ask"]["handle"]:
                    from_copy(ask, {"handle": question["ask"]["handle"], "dimension": "any",
                                    "product": "any"})
            check(case, ask)


def test_before_the_copy_is_complete_it_says_so(directory):
    with in_process(directory) as ask:
        got = ask(QUESTION)
        assert (got["error"], got["retryable"]) == ("not_ready", True)
        assert ask({"wait_ms": 50})["error"] == "not_ready"
        with StubChecker(directory, "1") as checker:
            checker.commit([record()])
            assert ask(READY) == {"ready": True}
            assert ask(QUESTION)["answer"]["allow"]


@KINDS
def test_it_asks_no_checker_for_an_answer(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        from_copy(ask)
        asked = [method for method, _ in checker.asked]
        for _ in range(100):
            got = ask(QUESTION)
            assert got["answer"]["allow"] and 0 <= got["age_ms"] < 60000
        later = [method for method, _ in checker.asked[len(asked):]]
        assert set(later) <= {"describe"}


@KINDS
def test_changes_arrive(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        checker.commit([record(version=2, seats=9)])
        ask_until(ask, (True, "entitled", 9))
        checker.commit([record("s-2", seats=1)])
        ask_until(ask, (True, "entitled", 10))
        checker.commit(overrides=[{"id": "o", "handle": "acme", "action": "deny"}])
        ask_until(ask, (False, "override", None))
        checker.commit(overrides_removed=["o"])
        ask_until(ask, (True, "entitled", 10))
        checker.commit(removed=["s-2"])
        ask_until(ask, (True, "entitled", 9))
        checker.commit(removed=["s-1"])
        ask_until(ask, (False, "not_subscribed", None))
        # A customer of whom nothing was known when he was asked about.
        checker.commit([record("s-3", seats=5)])
        ask_until(ask, (True, "entitled", 5))


@KINDS
def test_a_lost_event_is_caught_up_with(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        checker.commit([record(version=2, seats=8)], lose=True)
        ask_until(ask, (True, "entitled", 8))
        checker.commit([record(version=3, seats=9)], lose=True)
        checker.commit([record("s-9", tenant="other")])
        ask_until(ask, (True, "entitled", 9))


@KINDS
def test_another_store_replaces_everything(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        checker.records, checker.incarnation, checker.seq = {}, "two", 0
        checker.commit([record("s-7", seats=4)])
        ask_until(ask, (True, "entitled", 4))


@KINDS
def test_the_rules_are_the_checkers(directory, checker, kind):
    past = int(time.time()) - 100
    checker.policy = {"grace_ms": 50_000, "settling_ms": 10**9, "stale_after_ms": 10**9}
    checker.products = [{"code": "p", "subscribe_url": "https://p.example"}]
    checker.commit([{**record(version=2, verified_at=past - 50),
                     "entitlements": [{"dimension": "seats", "value": 3, "expires_at": past}]}])
    with in_process(directory, *kind) as ask:
        ask(READY)
        assert from_copy(ask)["answer"]["reason"] == "unverified"
        got = from_copy(ask, {**QUESTION, "handle": "x"})
        assert got["answer"]["subscribe_url"] == "https://p.example"


@KINDS
def test_when_its_checker_dies_another_takes_over(directory, kind):
    both = [StubChecker(directory, name) for name in ("1", "2")]
    for checker in both:
        checker.peers = both
        checker.commit([record()])
        checker.start()
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        both[0].stop()
        both[1].commit([record(version=2, seats=11)])
        deadline = time.monotonic() + 60
        while ask(QUESTION)["answer"]["granted"] != 11:
            assert time.monotonic() < deadline
        # Whichever it was, the other one takes over, and answers never stopped.
        both[0].seq = both[1].seq
        both[0].records = dict(both[1].records)
        both[0].start()
        both[1].stop()
        both[0].commit([record(version=3, seats=12)])
        while ask(QUESTION)["answer"]["granted"] != 12:
            assert time.monotonic() < deadline
    both[0].stop()


@KINDS
def test_while_no_checker_is_there_answers_age(directory, kind):
    checker = StubChecker(directory, "1").start()
    checker.commit([record()])
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        checker.stop()
        before = ask(QUESTION)["age_ms"]
        deadline = time.monotonic() + 60
        while (got := ask(QUESTION))["age_ms"] < before + 500:
            assert got["answer"]["allow"] and time.monotonic() < deadline
        # It comes back, and has gone on meanwhile.
        checker.commit([record(version=2, seats=6)], lose=True)
        checker.start()
        ask_until(ask, (True, "entitled", 6))
        checker.stop()


def without(checker, *methods):
    """The checker fails at these."""
    def behaviour(method, params):
        if method in methods:
            raise Failure("internal")
        return getattr(checker, "on_" + method)(*params[:-1])

    return behaviour


@KINDS
def test_a_copy_that_is_behind_ages(directory, checker, kind):
    """Its feed is heard, and says that there is more than came; what did not come is not to be had."""
    with in_process(directory, *kind) as ask:
        ask(READY)
        from_copy(ask)
        checker.behaviour = without(checker, "changes", "snapshot")
        checker.commit([record(version=2, seats=8)], lose=True)
        deadline = time.monotonic() + 20
        while (got := ask(QUESTION))["age_ms"] < 2500:
            assert got["answer"]["granted"] == 3 and time.monotonic() < deadline, got
        checker.behaviour = None
        ask_until(ask, (True, "entitled", 8))
        while ask(QUESTION)["age_ms"] >= 2500:
            assert time.monotonic() < deadline + 40


def test_what_was_fetched_before_a_snapshot_is_fetched_anew(directory, checker):
    with in_process(directory, "--subset") as ask:
        ask(READY)
        from_copy(ask)
        # What is missed cannot be asked for, and the snapshot takes its time.
        checker.history_from = 1000
        checker.behaviour = without(checker, "snapshot")
        del checker.asked[:]
        checker.commit([record(version=2, seats=8)], lose=True)
        deadline = time.monotonic() + 60
        while "snapshot" not in [method for method, _ in list(checker.asked)]:
            assert time.monotonic() < deadline
        from_copy(ask)
        checker.commit([record(version=3, seats=9)], lose=True)
        checker.behaviour = None
        ask_until(ask, (True, "entitled", 9))


def test_a_limit_to_the_age_is_kept(directory):
    checker = StubChecker(directory, "1").start()
    checker.commit([record()])
    with in_process(directory, "--age-limit-ms", 1500) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        checker.stop()
        deadline = time.monotonic() + 60
        while "answer" in (got := ask(QUESTION)):
            assert time.monotonic() < deadline
        assert got["error"] == "unavailable" and "ms old" in got["message"]
        checker.start()
        ask_until(ask, (True, "entitled", 3))
        checker.stop()


@KINDS
def test_a_silent_checker_is_left_for_another(directory, kind):
    both = [StubChecker(directory, name) for name in ("1", "2")]
    for checker in both:
        checker.peers = both
        checker.commit([record()])
    both[0].start()
    with in_process(directory, *kind) as ask:
        ask(READY)
        ask_until(ask, (True, "entitled", 3))
        both[0].mute = True
        both[1].start()
        both[1].commit([record(version=2, seats=6)])
        ask_until(ask, (True, "entitled", 6))
    for checker in both:
        checker.stop()


@pytest.mark.parametrize("how", [[], ["--async"]], ids=["blocking", "asynchronous"])
@KINDS
def test_fresher_data_is_asked_for(directory, checker, how, kind):
    old = int(time.time()) - 1000
    checker.commit([record(version=2, verified_at=old)])
    with in_process(directory, *kind, *how) as ask:
        ask(READY)
        from_copy(ask)
        del checker.asked[:]
        checker.behaviour = lambda method, params: {"allow": True, "reason": "entitled",
                                                    "granted": 99, "subscription": "wire"}
        # What the copy has is fresh enough.
        for max_age_ms in (2_000_000, 2 ** 63 - 1):
            assert ask({**QUESTION, "max_age_ms": max_age_ms})["answer"]["subscription"] == "s-1"
        got = ask({**QUESTION, "max_age_ms": 500_000})
        assert (got["answer"]["subscription"], got["age_ms"]) == ("wire", -1)
        assert [params[3]["max_age_ms"] for method, params in checker.asked
                if method == "check"] == [500_000]


@pytest.mark.parametrize("how", [[], ["--async"]], ids=["blocking", "asynchronous"])
@KINDS
def test_unmet_freshness_gives_the_last_answer(directory, checker, kind, how):
    checker.commit([record(version=2, verified_at=int(time.time()) - 1000)])
    with in_process(directory, *kind, *how) as ask:
        ask(READY)
        from_copy(ask)

        def behaviour(method, params):
            raise Failure("throttled")

        checker.behaviour = behaviour
        answer = ask({**QUESTION, "max_age_ms": 500_000})["answer"]
        assert (answer["allow"], answer["stale"]) == (True, True)


@KINDS
def test_many_at_once(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        from_copy(ask)
        got = ask({"many": [QUESTION, {**QUESTION, "quantity": 4}, {**QUESTION, "quantity": -1}]})
        assert "error" not in got
        assert [outcome["answer"]["reason"] for outcome in got["answers"][:2]] == \
            ["entitled", "insufficient_quantity"]
        assert got["answers"][2]["error"] == "bad_request"


@KINDS
def test_a_bad_question_refuses_whatever_its_answer_said_before(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        from_copy(ask)
        assert ask({"many": [QUESTION]})["answers"][0]["answer"]["allow"]
        # ask.c ends if an answer serves without being one.
        got = ask({"many": [{**QUESTION, "handle": ""}]})
        assert "error" not in got and got["answers"][0]["error"] == "bad_request"


@KINDS
def test_a_child_process_has_a_copy_of_its_own(directory, checker, kind):
    with in_process(directory, *kind) as ask:
        ask(READY)
        from_copy(ask)
        forked = ask({"fork": QUESTION})
        if kind:
            # It knows nothing of the handle yet, and asks.
            assert (forked["age_ms"], forked["answer"]["subscription"]) == (-1, "1")
        else:
            assert forked["answer"] == ask(QUESTION)["answer"]
        checker.commit([record(version=2, seats=9)])
        ask_until(ask, (True, "entitled", 9))


def random_commit(random, checker, number):
    """Something that happens to customers t-0 .. t-5 with accounts a-0 .. a-2."""
    ids = sorted(checker.records)
    kind = random.choice(["new", "new", "change", "change", "change", "merge", "renew", "override"])
    lose = random.random() < 0.1

    def some(id, version, **more):
        return record(id, version, random.randint(1, 9), tenant=f"t-{random.randrange(6)}",
                      account_id=f"a-{random.randrange(3)}", **more)

    def later(id, **more):
        return {**checker.records[id], "version": checker.records[id]["version"] + 1, **more}

    if kind == "new" or len(ids) < 2:
        checker.commit([some(f"s-{number:04}", 1)], lose=lose)
    elif kind == "change":
        id = random.choice(ids)
        checker.commit([some(id, checker.records[id]["version"] + 1,
                             aliases=checker.records[id].get("aliases", []))], lose=lose)
    elif kind == "merge":
        survivor, other = random.sample(ids, 2)
        aliases = checker.records[survivor].get("aliases", []) + [other] + \
            checker.records[other].get("aliases", [])
        checker.commit([later(survivor, aliases=aliases)], removed=[other], lose=lose)
    elif kind == "renew":
        old = random.choice(ids)
        checker.commit([later(old, successor=f"s-{number:04}"),
                        some(f"s-{number:04}", 1, predecessor=old)], lose=lose)
    else:
        name = f"o-{random.randrange(3)}"
        if name in checker.overrides:
            checker.commit(overrides_removed=[name], lose=lose)
        else:
            checker.commit(overrides=[{"id": name, "handle": f"t-{random.randrange(6)}",
                                       "action": "value", "value": number}], lose=lose)


def test_a_copy_of_some_records_answers_as_one_of_all(directory, checker):
    seed = int(os.environ.get("ENTITLED_TEST_SEED", time.time_ns()))
    print(f"ENTITLED_TEST_SEED={seed}")
    random = Random(seed)
    handles = [f"t-{i}" for i in range(6)] + [f"a-{i}" for i in range(3)]
    with in_process(directory) as whole, in_process(directory, "--subset") as some:
        whole(READY)
        some(READY)
        for number in range(1, 400):
            random_commit(random, checker, number)
            # Asked about in the midst of it, so that answers and events overtake each other.
            if random.random() < 0.3:
                some({**QUESTION, "handle": random.choice(handles)})
            if random.random() < 0.02:
                checker.history_from = checker.seq
            if number % 40 == 0:
                for handle in handles + sorted(checker.records):
                    agree(whole, some, {"handle": handle, "dimension": "seats"})


def agree(whole, some, question, timeout_s=20):
    """What was lost is asked for a moment later; then they must agree."""
    deadline = time.monotonic() + timeout_s
    while (got := from_copy(some, question)["answer"]) != (wanted := whole(question)["answer"]):
        assert time.monotonic() < deadline, (question, wanted, got)


def test_nonsense_on_the_feed_does_no_harm(directory, checker):
    with in_process(directory) as ask:
        ask(READY)
        for nonsense in (b"", b"\xc1", os.urandom(500)):
            checker.outbox.send(nonsense or b"\x00")
        checker.tell("commit", [checker.incarnation])
        checker.tell("an event to come", [1, 2, 3])
        checker.commit([record(version=2, seats=9)])
        ask_until(ask, (True, "entitled", 9))
