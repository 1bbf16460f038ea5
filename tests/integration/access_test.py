"""The process is the privilege: a member of entitled-clients can ask, and cannot reach the store."""
import grp
import os
import pathlib
import pwd
import subprocess

import pytest

from tests.support.suite import Suite

GROUP, USER = "entitled-test-clients", "entitled-test-app"

ASK = """
import sys
import zmq, msgpack
socket = zmq.Context().socket(zmq.REQ)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(sys.argv[1])
socket.send(msgpack.packb([0, 1, "ping", []]))
if not socket.poll(int(sys.argv[2])):
    sys.exit(3)
print(msgpack.unpackb(socket.recv())[3])
"""


@pytest.fixture(scope="module")
def application():
    """A user who is in the clients' group and nothing else."""
    assert os.geteuid() == 0, "this test makes a user and so needs root"
    subprocess.run(["groupadd", "--system", "--force", GROUP], check=True)
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--gid", "nogroup", "--groups",
                        GROUP, USER], check=True)
    yield USER
    subprocess.run(["userdel", USER], check=True)
    subprocess.run(["groupdel", GROUP], check=True)


def ask_as(user, endpoint, timeout_ms):
    return subprocess.run(["setpriv", "--reuid", user, "--regid", "nogroup", "--init-groups",
                           "/usr/bin/python3", "-c", ASK, endpoint, str(timeout_ms)],
                          capture_output=True, text=True, cwd="/")


def test_a_client_can_ask_and_cannot_reach_the_store(application):
    suite = Suite()
    try:
        # As deploy/systemd/entitled.tmpfiles lays them.
        os.chmod(suite.directory, 0o755)
        os.chmod(suite.run, 0o755)
        os.chown(suite.run / "public", 0, grp.getgrnam(GROUP).gr_gid)
        os.chmod(suite.run / "public", 0o2750)
        os.chmod(suite.run / "private", 0o750)
        suite.start()

        asked = ask_as(application, suite.endpoint_of("1"), 10000)
        assert asked.returncode == 0, asked.stderr
        assert "time_ms" in asked.stdout

        refused = ask_as(application, suite.endpoint_of("store"), 1000)
        assert refused.returncode != 0, refused.stdout
        for path in pathlib.Path(suite.run / "private").iterdir():
            denied = subprocess.run(["setpriv", "--reuid", application, "--regid", "nogroup",
                                     "--init-groups", "stat", str(path)], capture_output=True)
            assert denied.returncode != 0
    finally:
        suite.close()
