import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.desk import Desk  # noqa: E402
from tests.support.sandbox import Sandbox  # noqa: E402
from tests.support.sandbox_calls import Caller  # noqa: E402
from tests.support.suite import Suite  # noqa: E402


@pytest.fixture
def suite():
    running = Suite()
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def running_sandbox(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def sandbox(running_sandbox):
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def aws(sandbox):
    return Caller(sandbox)


@pytest.fixture
def desk():
    made = Desk()
    try:
        yield made
    finally:
        made.close()
