"""A client asking checkers: failover, health, hedging, deadlines, the live list, nonsense."""
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import msgpack
import pytest
import zmq.auth

from tests.support.conformance import Ask
from tests.support.stub_checker import SILENCE, Failure, StubChecker

PROGRAM = os.environ["TEST_ASK"]
CONFINED = pathlib.Path(__file__).resolve().parents[3] / "support/confined.py"
QUESTION = {"handle": "acme", "dimension": "seats", "quantity": 3}
BOTH = pytest.mark.parametrize("how", [[], ["--async"]], ids=["blocking", "asynchronous"])


@pytest.fixture
def checkers(directory):
    """Two of them, each the other's peer."""
    both = [StubChecker(directory, name) for name in ("1", "2")]
    for checker in both:
        checker.peers = both
        checker.start()
    yield both
    for checker in both:
        checker.stop()


def checks(checker):
    return [params for method, params in checker.asked if method == "check"]


def who(outcome):
    return outcome["answer"]["subscription"]


def failing(code):
    def behaviour(method, params):
        raise Failure(code)
    return behaviour


def silent(method, params):
    return SILENCE


@BOTH
def test_a_checker_is_found_in_the_directory_and_asked(directory, checkers, how):
    with Ask(PROGRAM, "remote", "--directory", directory, *how) as ask:
        got = ask({**QUESTION, "product": "p", "license": "l-1", "trace": "t-1"})
        assert got["answer"] == {"allow": True, "reason": "entitled", "granted": 7,
                                 "subscription": who(got)}
    options = [params[3] for checker in checkers for params in checks(checker)
               if params[3].get("product") == "p"]
    assert [(o["license"], o["trace"]) for o in options] == [("l-1", "t-1")]
    assert 0 < options[0]["timeout_ms"] <= 2000


@BOTH
def test_questions_are_shared_out(directory, checkers, how):
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000, *how) as ask:
        seen = set()
        while seen != {"1", "2"}:
            seen.add(who(ask(QUESTION)))


def assert_the_second_answers(ask, checkers):
    """The first is asked again now and then, not each time."""
    while not checks(checkers[0]):
        assert who(ask(QUESTION)) == "2"
    asked = len(checks(checkers[0]))
    assert [who(ask(QUESTION)) for _ in range(50)] == ["2"] * 50
    assert len(checks(checkers[0])) - asked < 25


@BOTH
@pytest.mark.parametrize("code", ["not_ready", "unavailable", "throttled", "internal", "timeout"])
def test_a_failing_checker_is_followed_by_the_next(directory, checkers, how, code):
    checkers[0].behaviour = failing(code)
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000, *how) as ask:
        assert_the_second_answers(ask, checkers)


@BOTH
def test_what_no_other_checker_would_mend_is_said_at_once(directory, checkers, how):
    for checker in checkers:
        checker.behaviour = failing("bad_request")
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000, *how) as ask:
        assert ask(QUESTION)["error"] == "bad_request"
    assert sum(len(checks(checker)) for checker in checkers) == 1


@BOTH
def test_when_all_are_overloaded_the_caller_learns_it(directory, checkers, how):
    for checker in checkers:
        checker.behaviour = failing("throttled")
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000, *how) as ask:
        got = ask(QUESTION)
        assert (got["error"], got["retryable"]) == ("throttled", True)


@BOTH
def test_a_silent_checker_costs_no_answer(directory, checkers, how):
    checkers[0].behaviour = silent
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 2000, *how) as ask:
        assert_the_second_answers(ask, checkers)


@BOTH
def test_hedging_is_a_setting(directory, checkers, how):
    release = threading.Event()

    def slow(method, params):
        release.wait(60)
        return {"allow": True, "reason": "entitled", "subscription": "1"}

    checkers[0].behaviour = slow
    try:
        with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 600000,
                 "--hedge-ms", 20, *how) as ask:
            # Were it not for hedging, one of them would take a quarter of ten minutes.
            while not checks(checkers[0]):
                assert who(ask(QUESTION)) == "2"
            assert [who(ask(QUESTION)) for _ in range(6)] == ["2"] * 6
    finally:
        release.set()


@BOTH
@pytest.mark.parametrize("hedge_ms, asked", [(20, 2), (300, 1)], ids=["on", "off"])
def test_hedging_can_be_off(directory, checkers, how, hedge_ms, asked):
    for checker in checkers:
        checker.behaviour = silent
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 300,
             "--hedge-ms", hedge_ms, *how) as ask:
        ask({"wait_ms": 10000})
        while ask(QUESTION)["error"] != "timeout":
            pass
        for checker in checkers:
            checker.asked.clear()
        assert ask(QUESTION)["error"] == "timeout"
    assert sum(len(checks(checker)) for checker in checkers) == asked


def ask_until_both_were(ask, checkers):
    """How many answers that took; both are connected then."""
    answers = 0
    while not all(checks(checker) for checker in checkers):
        answers += ask(QUESTION)["answer"]["allow"]
    checkers[0].asked.clear()
    return answers


@BOTH
def test_what_was_asked_twice_is_counted(directory, checkers, how):
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 600000,
             "--hedge-ms", 20, *how) as ask:
        ask_until_both_were(ask, checkers)
        before = ask({"counts": True})
        checkers[0].behaviour = silent
        answers = 0
        while not checks(checkers[0]):
            answers += who(ask(QUESTION)) == "2"
        counts = {name: count - before[name] for name, count in ask({"counts": True}).items()}
        assert counts["failed_over"] == 0
        assert counts["hedged"] == counts["dropped"] == counts["asked"] - answers >= 1


@BOTH
def test_what_was_asked_again_is_counted(directory, checkers, how):
    checkers[0].behaviour = failing("unavailable")
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 600000,
             "--hedge-ms", 600000, *how) as ask:
        answers = 0
        while not checks(checkers[0]):
            answers += who(ask(QUESTION)) == "2"
        assert ask({"counts": True}) == {"asked": answers + 1, "hedged": 0, "failed_over": 1,
                                         "dropped": 0}


@BOTH
def test_the_deadline_is_kept(directory, checkers, how):
    for checker in checkers:
        checker.behaviour = silent
    with Ask(PROGRAM, "remote", "--directory", directory, *how) as ask:
        ask({"wait_ms": 10000})
        began = time.monotonic()
        got = ask({**QUESTION, "timeout_ms": 300})
        assert got["error"] == "timeout" and "within 300 ms" in got["message"]
        assert 0.25 < time.monotonic() - began < 5


@BOTH
def test_without_any_checker_it_says_so_and_finds_one_that_comes(directory, how):
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 300, *how) as ask:
        got = ask(QUESTION)
        assert got["error"] == "unavailable" and "no checker can be reached (0 known)" in got["message"]
        ask.send({**QUESTION, "timeout_ms": 60000})
        with StubChecker(directory, "late"):
            assert who(ask.receive()) == "late"


@BOTH
def test_one_that_comes_is_asked_what_another_is_silent_about(directory, how):
    asked = threading.Event()

    def falling_silent(method, params):
        asked.set()
        return SILENCE

    late = StubChecker(directory, "late")
    with StubChecker(directory, "1") as checker, \
            Ask(PROGRAM, "remote", "--checker", checker.endpoint, "--checker", late.endpoint,
                "--timeout-ms", 600000, "--hedge-ms", 1, *how) as ask:
        checker.behaviour = falling_silent
        ask.send(QUESTION)
        assert asked.wait(60)
        with late:
            assert who(ask.receive()) == "late"


@BOTH
def test_a_restarted_checker_is_waited_for(directory, how):
    checker = StubChecker(directory, "1").start()
    with Ask(PROGRAM, "remote", "--checker", checker.endpoint, "--timeout-ms", 60000, *how) as ask:
        assert who(ask(QUESTION)) == "1"
        checker.stop()
        ask.send(QUESTION)
        checker.start()
        assert who(ask.receive()) == "1"
        checker.stop()


@BOTH
def test_the_death_of_a_checker_under_way_is_survived(directory, checkers, how):
    def dying(method, params):
        threading.Thread(target=checkers[0].stop).start()
        return SILENCE

    checkers[0].behaviour = dying
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 600000, *how) as ask:
        while checkers[0].thread and not checks(checkers[0]):
            assert who(ask(QUESTION)) == "2"


def test_others_are_found_through_one(directory, checkers):
    with Ask(PROGRAM, "remote", "--checker", checkers[0].endpoint, "--timeout-ms", 60000) as ask:
        deadline = time.monotonic() + 30
        while who(ask(QUESTION)) != "2":
            assert time.monotonic() < deadline


def test_discovery_can_be_off(directory, checkers):
    with Ask(PROGRAM, "remote", "--checker", checkers[0].endpoint, "--no-discovery") as ask:
        assert {who(ask(QUESTION)) for _ in range(50)} == {"1"}


@BOTH
@pytest.mark.parametrize("nonsense", [
    b"", b"\xc1", msgpack.packb("text"), msgpack.packb([1, 2]), msgpack.packb([1, 10**6, None, {}]),
    msgpack.packb([0, 1, "check", []]), b"\xdd\xff\xff\xff\xff", os.urandom(1000),
], ids=range(8))
def test_nonsense_is_as_good_as_silence(directory, checkers, how, nonsense):
    checkers[0].behaviour = lambda method, params: nonsense
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 2000, *how) as ask:
        while not checks(checkers[0]):
            assert who(ask(QUESTION)) == "2"


@pytest.mark.parametrize("answer", [
    None, {}, [], {"allow": "yes", "reason": "entitled"}, {"allow": True}, {"reason": "entitled"},
    {"allow": True, "reason": "entitled", "subscription": "x" * 65},
], ids=range(7))
def test_an_answer_that_cannot_be_read_refuses(directory, answer):
    with StubChecker(directory, "1") as checker:
        checker.behaviour = lambda method, params: answer
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            assert ask(QUESTION)["error"] == "internal"


def test_what_a_newer_checker_says_is_taken_as_far_as_it_is_known(directory):
    with StubChecker(directory, "1") as checker:
        checker.behaviour = lambda method, params: {
            "allow": True, "reason": "a reason to come", "granted": 2, "a key to come": {"x": [1]}}
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            assert ask(QUESTION)["answer"] == {"allow": True, "reason": "other", "granted": 2}


def test_many_questions_go_in_few_messages(directory, checkers):
    questions = [{"handle": f"h-{i}", "dimension": "seats", "product": "p"} for i in range(2500)]
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000) as ask:
        answers = ask({"many": questions})["answers"]
        assert len(answers) == 2500 and all(outcome["answer"]["allow"] for outcome in answers)
    messages = [params for checker in checkers for method, params in checker.asked
                if method == "check_many"]
    assert sorted(len(params[0]) for params in messages) == [500, 1000, 1000]
    assert all(params[1]["product"] == "p" for params in messages)


def test_a_message_of_many_is_no_larger_than_a_checker_reads(directory, checkers):
    questions = [{"handle": f"h-{i:04}" + "x" * 1190, "dimension": "seats", "product": "p"}
                 for i in range(1000)]
    with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000) as ask:
        answers = ask({"many": questions})["answers"]
        assert len(answers) == 1000 and all(outcome["answer"]["allow"] for outcome in answers)
    messages = [params for checker in checkers for method, params in checker.asked
                if method == "check_many"]
    assert len(messages) == 3 and sum(len(params[0]) for params in messages) == 1000
    assert all(len(msgpack.packb([0, 2 ** 32 - 1, "check_many", params])) < 512 * 1024
               for params in messages)


def test_the_time_of_many_is_for_all_of_them(directory):
    release = threading.Event()

    def slow(method, params):
        release.wait(0.3)
        return {"answers": [{"allow": True, "reason": "entitled"}] * len(params[0])}

    with StubChecker(directory, "1") as checker:
        checker.behaviour = slow
        with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 500) as ask:
            assert ask({"many": [QUESTION] * 2500})["error"] == "timeout"
        release.set()


if not PROGRAM.endswith(".py"):  # which takes one product for all of them
    def test_many_questions_are_about_one_product(directory, checkers):
        with Ask(PROGRAM, "remote", "--directory", directory, "--timeout-ms", 60000) as ask:
            got = ask({"many": [QUESTION, {**QUESTION, "product": "other"}]})
            assert got["error"] == "bad_request" and "question 1" in got["answers"][0]["message"]


def test_one_of_many_may_be_bad_alone(directory):
    with StubChecker(directory, "1") as checker:
        checker.behaviour = lambda method, params: {"answers": [
            {"allow": True, "reason": "entitled"},
            {"allow": False, "reason": "", "error": "bad_request", "message": "two products"}]}
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            good, bad = ask({"many": [QUESTION, QUESTION]})["answers"]
            assert good["answer"]["allow"]
            assert (bad["error"], bad["message"]) == ("bad_request", "two products")


def test_fewer_answers_than_questions_are_none(directory):
    with StubChecker(directory, "1") as checker:
        checker.behaviour = lambda method, params: {"answers": [{"allow": True, "reason": "entitled"}]}
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            got = ask({"many": [QUESTION, QUESTION]})
            assert got["error"] == "internal"
            assert [outcome["error"] for outcome in got["answers"]] == ["internal"] * 2


def test_readiness_is_the_checkers(directory):
    with StubChecker(directory, "1") as checker:
        checker.ready = False
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            assert ask({"wait_ms": 2000}) == {"ready": False, "error": "not_ready",
                                             "message": "checker '1' is not ready yet"}
            ask.send({"wait_ms": 60000})
            checker.ready = True
            assert ask.receive() == {"ready": True}


def test_what_a_checker_said_counts_more_than_its_silence_later(directory):
    with StubChecker(directory, "1") as checker:
        checker.ready = False
        said = [checker.describe()]
        checker.describe = lambda: said.pop() if said else SILENCE
        with Ask(PROGRAM, "remote", "--directory", directory) as ask:
            assert ask({"wait_ms": 1000})["error"] == "not_ready"
        assert not said


@BOTH
def test_a_child_process_makes_its_own_connection(directory, checkers, how):
    with Ask(PROGRAM, "remote", "--directory", directory, *how) as ask:
        ask({"wait_ms": 10000})
        for _ in range(3):
            assert ask(QUESTION)["answer"]["allow"]
            assert ask({"fork": QUESTION})["answer"]["allow"]


# Over TCP.

def curve_files(directory, name):
    """A pair as pyzmq writes it, named as ours are."""
    public, secret = zmq.auth.create_certificates(str(directory), name)
    pathlib.Path(public).rename(directory / f"{name}.cert")
    pathlib.Path(secret).rename(directory / f"{name}.cert_secret")
    (directory / f"{name}.cert_secret").chmod(0o600)
    return directory / f"{name}.cert"


def opened(*arguments):
    return subprocess.run([PROGRAM, "remote", *map(str, arguments)], input="", capture_output=True,
                          text=True, timeout=60)


def test_tcp_needs_certificates(directory):
    mine, theirs = curve_files(directory, "mine"), curve_files(directory, "theirs")
    tcp = ("--checker", "tcp://127.0.0.1:1")
    assert opened(*tcp, "--certificate", mine, "--checker-certificate", theirs).returncode == 0
    for arguments in ([], ["--certificate", mine], ["--checker-certificate", theirs]):
        done = opened(*tcp, *arguments)
        assert done.returncode == 2 and "tcp://127.0.0.1:1' needs" in done.stderr


def test_unfit_certificates_are_refused(directory):
    mine, theirs = curve_files(directory, "mine"), curve_files(directory, "theirs")
    secret = directory / "mine.cert_secret"

    def refused(why, own=mine, checker=theirs):
        done = opened("--checker", "tcp://127.0.0.1:1", "--certificate", own,
                      "--checker-certificate", checker)
        assert done.returncode == 2 and re.search(why, done.stderr), done.stderr

    refused("none.cert", checker=directory / "none.cert")
    refused("none.cert_secret", own=directory / "none.cert")
    secret.chmod(0o640)
    refused("0600")
    secret.chmod(0o600)
    good = secret.read_text()
    secret.write_text(good.replace('secret-key = "', 'secret-key = "#####')[:-6])
    refused("mine.cert")
    other = (directory / "theirs.cert_secret").read_text()
    secret.write_text(good.split("secret-key")[0] + "secret-key" + other.split("secret-key")[1])
    refused("do not belong together")
    (directory / "theirs.cert").write_text("nothing\n")
    secret.write_text(good)
    refused("theirs.cert")


def test_tcp_that_nobody_answers_is_unavailable(directory):
    mine, theirs = curve_files(directory, "mine"), curve_files(directory, "theirs")
    with Ask(PROGRAM, "remote", "--checker", "tcp://127.0.0.1:1", "--certificate", mine,
             "--checker-certificate", theirs, "--timeout-ms", "200") as ask:
        assert ask(QUESTION)["error"] == "unavailable"


def test_paths_that_are_told_over_tcp_are_those_of_another_host(directory):
    mine, theirs = curve_files(directory, "mine"), curve_files(directory, "theirs")
    far = StubChecker(directory, "far")
    far.curve = zmq.auth.load_certificate(f"{theirs}_secret")
    far.endpoint = "tcp://127.0.0.1:*"
    far.public_key = far.curve[0].decode()
    with StubChecker(directory, "1") as near, far:
        far.peers = [far, near]
        with Ask(PROGRAM, "remote", "--checker", far.endpoint, "--certificate", mine,
                 "--checker-certificate", theirs, "--timeout-ms", 60000) as ask:
            while "describe" not in [method for method, _ in far.asked]:
                assert ask(QUESTION)["answer"]["allow"]
            for _ in range(20):
                assert who(ask(QUESTION)) == "far"
        assert near.asked == []


@pytest.mark.parametrize("has_key", [True, False])
def test_a_peer_is_asked_over_tcp_if_its_key_is_told(directory, has_key):
    mine, theirs = curve_files(directory, "mine"), curve_files(directory, "theirs")
    key = zmq.auth.load_certificate(theirs)[0].decode() if has_key else ""
    with socket.create_server(("127.0.0.1", 0)) as bait, StubChecker(directory, "1") as checker:
        other = StubChecker(directory, "2")
        other.endpoint = f"tcp://127.0.0.1:{bait.getsockname()[1]}"
        other.public_key = key
        checker.peers = [checker, other]
        with Ask(PROGRAM, "remote", "--directory", directory, "--certificate", mine,
                 "--checker-certificate", theirs) as ask:
            while "describe" not in [method for method, _ in checker.asked]:
                assert ask(QUESTION)["answer"]["allow"]
            for _ in range(3):
                assert ask(QUESTION)["answer"]["allow"]
            bait.settimeout(20 if has_key else 0.2)
            if has_key:
                bait.accept()[0].close()
            else:
                with pytest.raises(TimeoutError):
                    bait.accept()


@BOTH
def test_a_filter_of_system_calls_is_an_error_and_no_death(directory, how):
    """libzmq aborts where it may not set its threads' scheduling."""
    done = subprocess.run([CONFINED, PROGRAM, "remote", "--directory", directory, *how], input=json.dumps(QUESTION) + "\n",
                          capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 2), done.stderr
    assert "internal" in done.stdout + done.stderr and "may not call sched_setscheduler()" in done.stdout + done.stderr
