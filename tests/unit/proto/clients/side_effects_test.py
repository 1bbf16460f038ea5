"""libentitled as a guest in a process: what it leaves alone, what fork() and later headers do."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from tests.support.stub_checker import StubChecker

PROGRAM = os.environ["TEST_SIDE_EFFECTS"]
RECORD = {"id": "s-1", "version": 1, "product_code": "p", "tenant": "acme", "verified_at": int(time.time()),
          "created_at": 1, "entitlements": [{"dimension": "seats", "value": 3}]}


def is_a_good_guest(mode, path):
    done = subprocess.run([PROGRAM, mode, path], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_from_a_file(tmp_path):
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"subscriptions": [RECORD]}))
    is_a_good_guest("file", path)


@pytest.mark.parametrize("mode", ["remote", "in-process"])
def test_of_checkers(mode):
    def answer(method, params):
        if method == "check":
            return {"allow": params[0] == "acme", "reason": "entitled"}
        if method == "check_many":
            return {"answers": [{"allow": q[0] == "acme", "reason": "entitled"} for q in params[0]]}
        return getattr(checker, "on_" + method)(*[p for p in params if not isinstance(p, dict)])

    with tempfile.TemporaryDirectory(prefix="entitled-") as directory, \
            StubChecker(pathlib.Path(directory), "1") as checker:
        checker.behaviour = answer
        checker.commit([RECORD])
        is_a_good_guest(mode, directory)
