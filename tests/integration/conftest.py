import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.suite import Suite  # noqa: E402


@pytest.fixture
def suite():
    running = Suite()
    try:
        running.start()
        yield running
    finally:
        running.close()
