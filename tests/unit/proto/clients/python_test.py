"""The Python client as a package: what it declares, what its types promise, how it is installed, and
what threads, loops and interpreters do to it."""
import asyncio
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import typing

import pytest

import entitled
from entitled import _decide, _errors, _fixture, _messages, _records, _requests, _shapes
from tests.support.stub_checker import SILENCE, StubChecker

ROOT = pathlib.Path(__file__).resolve().parents[4]
PACKAGE = ROOT / "proto/clients/python"
MESSAGES = (ROOT / "proto/messages.def").read_text()
QUESTION = ("acme", "seats", 3)
SHAPES = {
    _messages.Answer: "answer", _messages.Answers: "check_many_result",
    _messages.Description: "describe_result", _messages.Entitlement: "entitlement",
    _messages.Entitlements: "entitlements_result", _messages.Evidence: "evidence",
    _messages.HeldEntitlement: "held_entitlement", _messages.Holding: "holding",
    _messages.Override: "override", _messages.Peer: "peer", _messages.Ping: "ping_result",
    _messages.Policy: "decision_policy", _messages.ProductPage: "product_page",
    _messages.Subscription: "subscription",
}
WORDS = {_messages.Counting: "counting", _messages.Notice: "notice",
         _messages.OverrideAction: "override_action", _messages.Reason: "reason",
         _messages.State: "state"}


@pytest.fixture
def checker(directory):
    with StubChecker(directory, "1") as running:
        yield running


# Nothing declared here may differ from what is declared for all.

def test_every_error_is_an_exception_and_says_the_same():
    rows = re.findall(r'^RPC_ERROR\(\w+, "(\w+)", (true|false), "(.*)"\)$',
                      (ROOT / "proto/errors.def").read_text(), re.M)
    assert rows
    declared = {(code, retryable == "true", sentence) for code, retryable, sentence in rows}
    kinds = _errors._SAID_BY_CHECKERS
    assert {(code, kind.retryable, " ".join(kind.__doc__.split()))
            for code, kind in kinds.items()} == declared
    for code, kind in kinds.items():
        name = "".join(part.title() for part in code.split("_"))
        assert kind.__name__ == name and getattr(entitled, name) is kind
    assert isinstance(_errors.of_code("a code to come", None), entitled.Internal)


def test_the_errors_of_its_own_are_libentitleds():
    header = (ROOT / "proto/clients/c/include/entitled.h").read_text()
    for kind in (entitled.Cancelled, entitled.BadFile):
        assert f"ENTITLED_{kind.code.upper()} = 1" in header
        assert kind.code not in _errors._SAID_BY_CHECKERS


def declared_members(shape):
    """{name: (macro, required, what else it says)} of a shape of messages.def."""
    rows = re.findall(rf"^([A-Z]+)\({shape}, (\w+), ([A-Z]+),([^\"]*)\"", MESSAGES, re.M)
    return {name: (kind, need == "REQUIRED", [word.strip() for word in rest.split(",")][:-1])
            for kind, name, need, rest in rows if not kind.startswith("SHAPE")}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_is_as_declared(shape):
    ours = {}
    for name, kind, required in _shapes.members(shape):
        rest = {"TEXT": [str(kind.limit)], "STRS": [str(kind.limit)], "INT": ["0"],
                "CHOICE": [WORDS.get(kind.words)], "ITEM": [SHAPES.get(kind.child)],
                "LIST": [SHAPES.get(kind.child), str(kind.limit)]}.get(kind.name, [])
        ours[name] = (kind.name, required, rest)
    assert ours == declared_members(SHAPES[shape])


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_every_word_is_as_declared(words):
    declared = re.findall(rf'^WORD\({WORDS[words]}, \w+, "([^"]+)"', MESSAGES, re.M)
    assert [str(word) for word in words if word != "other"] == declared


def test_what_a_fixture_may_say_is_libentitleds():
    assert {name for name, _, _ in _shapes.members(_fixture.Fixture)} == set(
        declared_members("stored_fixture"))


@pytest.mark.parametrize("constant, field", [
    ("HANDLE_LIMIT", r"TEXT\(check_params, handle, REQUIRED, (\d+)"),
    ("NAME_LIMIT", r"TEXT\(check_params, dimension, REQUIRED, (\d+)"),
    ("QUESTIONS_PER_MESSAGE", r"ROWS\(check_many_params, questions, REQUIRED, question, (\d+)"),
])
def test_limits_are_as_declared(constant, field):
    assert getattr(_requests, constant) == int(re.search(field, MESSAGES)[1])


# Types.

def test_it_is_typed_throughout(tmp_path):
    subprocess.run(["mypy", "--config-file", PACKAGE / "pyproject.toml", "--cache-dir",
                    tmp_path, PACKAGE / "entitled"], check=True, cwd=PACKAGE)
    assert (PACKAGE / "entitled/py.typed").exists()


def test_both_clients_offer_the_same():
    def offered(kind):
        return {name: {key: hint for key, hint in typing.get_type_hints(method).items()}
                for name, method in vars(kind).items()
                if callable(method) and not name.startswith("_")}

    assert offered(entitled.Client) == offered(entitled.AsyncClient)
    assert (entitled.Client.__init__.__kwdefaults__
            == entitled.AsyncClient.__init__.__kwdefaults__)


def test_an_answer_is_as_true_as_what_it_allows(directory, checker):
    with entitled.Client(directory=str(directory)) as client:
        assert client.check(*QUESTION)
        checker.behaviour = lambda *_: {"allow": False, "reason": "expired", "granted": 1}
        refused = client.check(*QUESTION)
    assert not refused and refused.reason is entitled.Reason.EXPIRED
    assert f"{refused.reason}" == "expired" and isinstance(refused.granted, int)
    with pytest.raises(AttributeError):
        refused.allow = True


def test_an_answer_with_an_error_refuses_whatever_else_it_says(directory, checker):
    checker.behaviour = lambda *_: {"answers": [
        {"allow": True, "reason": "entitled", "granted": 3, "error": "a code to come"}]}
    with entitled.Client(directory=str(directory)) as client:
        [answer] = client.check_many([QUESTION])
    assert not answer and answer.granted is None and answer.error == "internal"


# What is asked.

@pytest.mark.parametrize("arguments, options", [
    (("acme", None), {}), ((None, "seats"), {}), ((b"acme", "seats"), {}), (("a\0", "seats"), {}),
    (("\ud800", "seats"), {}), (("h" * 1201, "seats"), {}), (("acme", "seats", "3"), {}),
    (("acme", "seats", True), {}), (("acme", "seats", 10 ** 400), {}),
    (QUESTION, {"product": "p" * 256}), (QUESTION, {"license": 7}), (QUESTION, {"max_age_ms": 1.5}),
    (QUESTION, {"max_age_ms": 2 ** 63}), (QUESTION, {"timeout_ms": 0}),
    (QUESTION, {"timeout_ms": 24 * 60 * 60 * 1000 + 1}), (QUESTION, {"trace": "t" * 65}),
])
def test_a_wrong_question_is_not_asked(directory, checker, arguments, options):
    with entitled.Client(directory=str(directory)) as client:
        with pytest.raises(entitled.BadRequest) as raised:
            client.check(*arguments, **options)
    assert raised.value.message and not raised.value.retryable
    assert "check" not in dict(checker.asked)


@pytest.mark.parametrize("options", [
    {"checkers": ["http://host"]}, {"checkers": "ipc:///a"}, {"checkers": ["ipc://"]},
    {"checkers": ["ipc:///a"] * 65}, {"directory": "d" * 1001}, {"directory": ""}, {"timeout_ms": 0}, {"hedge_ms": -1},
    {"file": "f", "checkers": ["ipc:///a"]}, {"file": "f", "directory": "/"},
])
@pytest.mark.parametrize("kind", [entitled.Client, entitled.AsyncClient])
def test_wrong_options_are_refused(kind, options):
    with pytest.raises(entitled.BadRequest):
        kind(**options)


@pytest.mark.parametrize("questions", [["acme"], [("acme",)], [QUESTION, ("acme", "seats", 1, 2)]])
def test_a_wrong_one_of_many_is_named(directory, checker, questions):
    with entitled.Client(directory=str(directory)) as client:
        with pytest.raises(entitled.BadRequest, match=f"question {len(questions) - 1}: "):
            client.check_many(questions)
        assert client.check_many([]) == []
    assert "check_many" not in dict(checker.asked)


def test_what_else_can_be_asked(directory, checker):
    checker.commit([{"id": "s-1", "tenant": "acme", "a key to come": 1,
                     "entitlements": [{"dimension": "seats", "value": 2.5}]}])
    with entitled.Client([checker.endpoint]) as client:
        description = client.describe()
        assert (description.instance, description.peers[0].endpoints) == ("1", (checker.endpoint,))
        [holding] = client.entitlements("acme").holdings
        assert holding.state is entitled.State.ACTIVE
        assert holding.subscription.entitlements[0].value == 2.5
        checker.behaviour = lambda *_: {"time_ms": 5}
        assert client.ping() == 5


# Threads, loops, endings.

def test_threads_share_a_client(directory, checker):
    wrong = []

    def ask(client, number):
        for _ in range(20):
            answer = client.check(f"h-{number}", "seats", timeout_ms=60000)
            if answer.subscription != f"h-{number}":
                wrong.append(answer)

    checker.behaviour = lambda method, params: (
        {"allow": True, "reason": "entitled", "subscription": params[0]} if method == "check" else {})
    with entitled.Client([checker.endpoint], discovery=False) as client:
        threads = [threading.Thread(target=ask, args=(client, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_closing_ends_what_others_ask(directory, checker):
    asked = threading.Event()

    def silent(method, params):
        asked.set()
        return SILENCE

    checker.behaviour = silent
    client = entitled.Client([checker.endpoint])
    ended = []

    def ask():
        with pytest.raises(entitled.Cancelled) as raised:
            client.check(*QUESTION, timeout_ms=600000)
        ended.append(raised.value)

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait(60)
    client.close()
    thread.join(60)
    assert ended and not ended[0].retryable
    with pytest.raises(entitled.Cancelled):
        client.check(*QUESTION)
    client.close()


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_what_a_checker_said_counts_more_than_its_silence_later(checker, kind):
    checker.ready = False
    said = [checker.describe()]
    checker.describe = lambda: said.pop() if said else SILENCE

    async def wait():
        async with entitled.AsyncClient([checker.endpoint]) as client:
            await client.wait_ready(1000)

    with pytest.raises(entitled.NotReady):
        if kind == "AsyncClient":
            asyncio.run(wait())
        else:
            with entitled.Client([checker.endpoint]) as client:
                client.wait_ready(1000)
    assert not said


def test_an_interrupted_question_leaves_a_client_that_works(directory, checker):
    program = """
import _thread, entitled, sys, threading
client = entitled.Client([sys.argv[1]])
client.wait_ready(60000)
print("ready", flush=True)
try:
    client.check("silent", "seats", timeout_ms=600000)
except KeyboardInterrupt:
    print(client.check("acme", "seats").allow)
"""
    asked = threading.Event()

    def behaviour(method, params):
        if params[0] == "silent":
            asked.set()
            return SILENCE
        return {"allow": True, "reason": "entitled"}

    checker.behaviour = behaviour
    popen = subprocess.Popen([sys.executable, "-c", program, checker.endpoint], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert asked.wait(60)
    popen.send_signal(2)
    assert popen.communicate(timeout=60) == ("ready\nTrue\n", "")
    assert popen.returncode == 0


def test_a_client_that_nobody_closes_ends_with_the_program(directory, checker):
    program = """
import asyncio, entitled, sys
kept = entitled.Client([sys.argv[1]])
kept.check("acme", "seats")
entitled.Client([sys.argv[1]]).check("acme", "seats")
kept_too = entitled.AsyncClient([sys.argv[1]])
asyncio.run(kept_too.check("acme", "seats"))
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program,
                           checker.endpoint], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_thousands_of_questions_at_once(directory, checker):
    async def main():
        async with entitled.AsyncClient([checker.endpoint], timeout_ms=60000) as client:
            questions = [client.check(f"h-{number}", "seats") for number in range(3000)]
            return await asyncio.gather(*questions)

    checker.behaviour = lambda method, params: {
        "allow": True, "reason": "entitled", "subscription": params[0]}
    answers = asyncio.run(main())
    assert [answer.subscription for answer in answers] == [f"h-{n}" for n in range(3000)]


def test_a_task_that_is_cancelled_asks_no_more(directory, checker):
    async def main():
        async with entitled.AsyncClient([checker.endpoint]) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.check(*QUESTION, timeout_ms=600000), 0.5)
            engine = client._engine
            assert not engine._asked and not engine._session.calls
            checker.behaviour = None
            return await client.check(*QUESTION)

    checker.behaviour = lambda *_: SILENCE
    assert asyncio.run(main()).allow


def test_closing_ends_what_tasks_ask(directory, checker):
    async def main():
        client = entitled.AsyncClient([checker.endpoint])
        asking = asyncio.create_task(client.check(*QUESTION, timeout_ms=600000))
        while not [method for method, _ in checker.asked if method == "check"]:
            await asyncio.sleep(0)
        await client.close()
        for awaited in (asking, client.check(*QUESTION)):
            with pytest.raises(entitled.Cancelled):
                await awaited

    checker.behaviour = lambda *_: SILENCE
    asyncio.run(main())


def test_a_client_belongs_to_one_loop(directory, checker):
    client = entitled.AsyncClient([checker.endpoint])

    async def main():
        return await client.check(*QUESTION)

    with asyncio.Runner() as first:
        assert first.run(main()).allow
        with asyncio.Runner() as second, pytest.raises(RuntimeError, match="another event loop"):
            second.run(main())
        first.run(client.close())


def test_the_loop_is_not_held_up(directory):
    """No checker at all: others have their turn while a question waits."""
    async def main():
        turns = 0
        async with entitled.AsyncClient(directory=str(directory)) as client:
            asking = asyncio.create_task(client.check(*QUESTION, timeout_ms=300))
            while not asking.done():
                turns += 1
                await asyncio.sleep(0.01)
            with pytest.raises(entitled.Unavailable):
                await asking
        return turns

    assert asyncio.run(main()) > 3


# The file mode beside the suite that all clients pass.

def lines_run(licences, chained, ask):
    """How many lines of the package an answer about so many licences takes: no clock has a say."""
    records = [_messages.Subscription(
        id=f"s{i}", product_code="p1", account_id="123456789012", license_key=f"l-{i}",
        successor=f"s{i + 1}" if chained or i % 2 else "", verified_at=1,
        entitlements=(_messages.Entitlement(dimension="seats", value=1),)) for i in range(licences)]
    words = [_messages.Override(id=f"o{i}", handle=f"l-{i}", dimension="other",
                                action=_messages.OverrideAction.DENY) for i in range(licences)]
    world = _decide.World(records, words, _records.DEFAULT_POLICY, ())
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += frame.f_code.co_filename.startswith(str(PACKAGE))
        return trace

    sys.settrace(trace)
    try:
        ask(world)
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("ask", [
    lambda world: world.check(_decide.Asked("123456789012", "seats", 1, "", "", 0), 2),
    lambda world: world.check(_decide.Asked("123456789012", "seats", 1, "", "l-1", 0), 2),
    lambda world: world.entitlements("123456789012", "", 2)])
def test_an_answer_takes_work_in_proportion_to_the_licences(chained, ask):
    assert lines_run(400, chained, ask) < 2.5 * lines_run(200, chained, ask)


def test_a_file_tells_what_a_handle_leads_to(tmp_path):
    path = tmp_path / "fixture.json"
    path.write_text("""{"now": 1000, "subscriptions": [{"id": "s", "tenant": "acme", "verified_at": 900,
        "entitlements": [{"dimension": "seats", "value": 3, "expires_at": 950}]}],
        "overrides": [{"handle": "acme", "action": "deny", "expires_at": 990}]}""")
    with entitled.Client(file=str(path)) as client:
        told = client.entitlements("acme")
        assert client.wait_ready(0) is None
        with pytest.raises(entitled.UnknownMethod):
            client.describe()
        with pytest.raises(entitled.BadRequest):
            client.check("", "seats")
    [holding] = told.holdings
    assert (holding.state, holding.entitlements[0].counts) == ("active", "grace")
    assert told.overrides[0].action is entitled.OverrideAction.DENY


def test_the_documented_file_answers(tmp_path):
    path = tmp_path / "fixture.json"
    path.write_text(re.search(r"^```json\n(.*?)^```", (ROOT / "docs/clients.md").read_text(),
                              re.M | re.S)[1])
    with entitled.Client(file=str(path)) as client:
        assert client.check("tenant-7", "seats", 10) and not client.check("tenant-7", "seats", 11)
        assert client.check("tenant-8", "seats").reason is entitled.Reason.OVERRIDE


# An installed copy.

def check_installed(target):
    """It is found there, whole, and nowhere else."""
    [marker] = target.rglob("py.typed")
    names = {path.name for path in marker.parent.glob("*.py")}
    assert names == {path.name for path in (PACKAGE / "entitled").glob("*.py")}
    program = "import entitled; print(entitled.__file__, entitled.__version__)"
    said = subprocess.run(["/usr/bin/python3", "-c", program], check=True, capture_output=True,
                          text=True, cwd=target,
                          env={**os.environ, "PYTHONPATH": str(marker.parents[1])}).stdout
    assert said == f"{marker.parent}/__init__.py {entitled.__version__}\n"


def test_pip_installs_it_without_a_network(tmp_path):
    """As docs/clients.md says."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(PACKAGE, source)
    [words] = re.findall(r"^pip (install .*--no-index.*) proto/clients/python$", (ROOT / "docs/clients.md").read_text(), re.M)
    subprocess.run(["/usr/bin/python3", "-m", "pip", *words.split(), "--quiet", "--target", target, source], check=True)
    check_installed(target)
    [licence] = target.rglob("*.dist-info/**/LICENSE")
    assert licence.read_text() == (ROOT / "LICENSE").read_text()


def test_there_is_one_version():
    cache = pathlib.Path(os.environ["TEST_BUILD"], "CMakeCache.txt").read_text()
    header = (ROOT / "proto/clients/c/include/entitled.h").read_text()
    major, minor = (re.search(rf"ENTITLED_VERSION_{part} (\d+)", header)[1] for part in ("MAJOR", "MINOR"))
    assert re.search(r"CMAKE_PROJECT_VERSION:STATIC=(.*)", cache)[1] == entitled.__version__
    assert entitled.__version__.split(".")[:2] == [major, minor]


def test_cmake_installs_it_where_python_looks(tmp_path):
    subprocess.run(["cmake", "--install", os.environ["TEST_BUILD"], "--component", "python",
                    "--prefix", tmp_path], check=True, capture_output=True)
    check_installed(tmp_path)
    [marker] = tmp_path.rglob("py.typed")
    usual = subprocess.run(["/usr/bin/python3", "-c", "import site; print(site.getsitepackages())"],
                           check=True, capture_output=True, text=True).stdout
    assert f"/usr/local/{marker.parents[1].relative_to(tmp_path)}" in usual


def test_it_never_ends_a_process_nor_speaks():
    said = [(path.name, found) for path in (PACKAGE / "entitled").glob("*.py")
            for found in re.findall(r"\b(print|sys\.exit|os\._exit|signal|logging|warnings|sys\.std\w+)\b",
                                    re.sub(r'""".*?"""|#.*', "", path.read_text(), flags=re.S))]
    assert said == []
