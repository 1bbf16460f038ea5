"""The suite that every client passes: tests/vectors/conformance, questions and their answers.

A case is a little world (records, overrides, policy, products, at a time) and what is asked of it. A
member that an answer does not name is absent, empty, zero or false there.
"""
import copy
import json
import pathlib
import subprocess
import tempfile

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "conformance"
DEFAULTS = {"granted": None, "expires_at": 0, "verified_at": 0, "stale": False, "subscription": "",
            "combined": 0, "subscribe_url": ""}


def cases():
    """The cases by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}


def world(case):
    """A case without its questions: what libentitled's file mode reads."""
    return {key: value for key, value in case.items() if key not in ("about", "questions")}


def moved(thing, seconds):
    """The same with all its times later."""
    if isinstance(thing, dict):
        return {key: value + seconds if key == "now" or key.endswith("_at") and value
                else moved(value, seconds) for key, value in thing.items()}
    if isinstance(thing, list):
        return [moved(item, seconds) for item in thing]
    return copy.copy(thing)


def same_value(a, b):
    """1, 1.0 and true are three different things."""
    return type(a) is type(b) and a == b


def differences(wanted, got):
    """What differs between an answer that was wanted and one that came, both in the wire's form."""
    wanted, got = {**DEFAULTS, **wanted}, {**DEFAULTS, **got}
    return [f"{key}: wanted {wanted.get(key)!r}, got {got.get(key)!r}"
            for key in sorted(wanted | got) if not same_value(wanted.get(key), got.get(key))]


def check(case, ask):
    """Puts every question by ask(question), which gives {"answer": ...} or {"error": code}."""
    wrong = []
    for question in case["questions"]:
        got = ask(question["ask"])
        if "error" in question:
            if got.get("error") != question["error"]:
                wrong.append(f"{question['ask']}: wanted {question['error']}, got {got}")
        elif "answer" not in got:
            wrong.append(f"{question['ask']}: no answer: {got}")
        else:
            wrong += [f"{question['ask']}: {difference}"
                      for difference in differences(question["answer"], got["answer"])]
    assert not wrong, "\n".join(wrong)


class Ask:
    """libentitled behind tests/support/ask.c."""

    def __init__(self, program, mode, *arguments, environment=None):
        self.errors = tempfile.TemporaryFile("w+")
        self.popen = subprocess.Popen([program, mode, *map(str, arguments)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.errors, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.popen.stdin.close()
        code = self.popen.wait(60)
        self.popen.stdout.close()
        said = self.said()
        if kind is None:
            assert code == 0 and not said, f"ended with {code}: {said}"

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def send(self, line):
        self.popen.stdin.write(json.dumps(line) + "\n")
        self.popen.stdin.flush()

    def receive(self):
        line = self.popen.stdout.readline()
        assert line, f"no answer: {self.said()}"
        return json.loads(line)

    def __call__(self, line):
        self.send(line)
        return self.receive()
