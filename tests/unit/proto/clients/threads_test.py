"""libentitled from many threads while the feed runs: what ThreadSanitizer looks at."""
import os
import pathlib
import subprocess
import tempfile
import time

from tests.support.stub_checker import StubChecker

PROGRAM = os.environ["TEST_ASK_THREADS"]
PACE_S = 0.005
OTHERS = 100


def record(number, version):
    return {"id": f"s-{number}", "version": version, "product_code": f"p-{version % 700}",
            "account_id": f"{version:012}", "tenant": "acme" if number == 0 else f"t-{number}",
            "verified_at": int(time.time()), "created_at": 1,
            "entitlements": [{"dimension": "seats", "value": version}]}


def is_running(program):
    try:
        program.wait(PACE_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def test_many_threads_ask_while_the_feed_runs():
    with tempfile.TemporaryDirectory(prefix="entitled-") as directory, \
            StubChecker(pathlib.Path(directory), "1") as checker:
        checker.commit([record(0, 1)])
        program = subprocess.Popen([PROGRAM, directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        version = 1
        while is_running(program):
            # Records come, change and go, products are new all the time, and news get lost.
            version += 1
            number = 1 + version % OTHERS
            gone = [f"s-{number}"] if f"s-{number}" in checker.records and version % 3 else []
            checker.commit([record(0, version)] + ([] if gone else [record(number, version)]), removed=gone,
                           lose=version % 40 == 0)
        out, errors = program.communicate()
    assert program.returncode == 0 and not errors, errors
    # No question went unanswered, and those left at the end were told that the client was closed.
    assert out.split()[-2:] == ["cancelled", "4"]
