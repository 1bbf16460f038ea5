"""libentitled in a process that runs out of memory, descriptors or threads: every failure is returned."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from tests.support.stub_checker import StubChecker

PROGRAM = os.environ["TEST_ASK_MEMORY"]
# What was allocated when memory ran out is lost, as entitled.h says.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
RECORD = {"id": "s-1", "version": 1, "product_code": "p", "tenant": "acme", "verified_at": int(time.time()),
          "created_at": 1, "entitlements": [{"dimension": "seats", "value": 3}]}
LASTS = pytest.mark.parametrize("lasts", ["once", "for-good"])


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=250,
                          env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, ""), done
    words = done.stdout.split()
    rounds, refused = int(words[1]), int(words[3])
    # Most rounds fail somewhere that a caller sees, and the last one does not.
    assert rounds > 3 and refused > rounds / 2
    return rounds


@LASTS
def test_from_a_file(tmp_path, lasts):
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"subscriptions": [RECORD]}))
    assert run(lasts, "file", path) > 40


@LASTS
@pytest.mark.parametrize("mode", ["remote", "in-process"])
def test_of_checkers(mode, lasts):
    def answer(method, params):
        if method in ("check", "check_many"):
            answers = [{"allow": handle == "acme", "reason": "entitled"}
                       for handle in ([params[0]] if method == "check" else [q[0] for q in params[0]])]
            return answers[0] if method == "check" else {"answers": answers}
        return getattr(checker, "on_" + method)(*[p for p in params if not isinstance(p, dict)])

    with tempfile.TemporaryDirectory(prefix="entitled-") as directory, \
            StubChecker(pathlib.Path(directory), "1") as checker:
        checker.behaviour = answer
        checker.commit([RECORD])
        assert run(lasts, mode, directory) > 50
