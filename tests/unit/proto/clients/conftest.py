import pathlib
import tempfile

import pytest


@pytest.fixture
def directory():
    # Not pytest's tmp_path: a socket's name must stay below 108 bytes.
    with tempfile.TemporaryDirectory(prefix="entitled-") as path:
        yield pathlib.Path(path)
