"""An operator's desk: entitlectl, a settings file, and daemons that the test plays."""
import json
import os
import pty
import subprocess
import time

from tests.support.place import Place
from tests.support.process import BIN, SANITIZER_MARKS
from tests.support.stand_in import Refusal, StandIn

NOW = int(time.time())
LICENSE = "arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
RECORD = {
    "id": "s1", "version": 3, "seq": 7, "product_code": "4exampleproductcode0000001",
    "account_id": "111122223333", "license_arn": LICENSE,
    "license_key": "l-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "agreement_id": "agmt-1",
    "tenant": "acme", "registered_at": NOW - 3600, "verified_at": NOW - 180,
    "created_at": NOW - 3600, "updated_at": NOW - 180,
    "entitlements": [{"dimension": "seats", "value": 10, "expires_at": NOW + 864000}],
}

DUE = {"class": "expiry", "reason": "its date", "not_before": NOW + 864000}


def find(handle, options=None):
    if handle not in ("acme", "s1", LICENSE):
        raise Refusal("not_found", "nobody is known as that", retryable=False)
    return {"subscriptions": [RECORD]}


class Desk(Place):
    def __init__(self):
        super().__init__()
        self.write_settings({"product example": {"code": "4exampleproductcode0000001"},
                             "registrar": {"sign_up_secret": "not-to-be-shown"}})
        self.daemons = []

    def store(self, **handlers):
        self.daemons.append(StandIn(self.socket("store.rpc"),
                                    **{"find": find, "due": lambda subscription: DUE, **handlers}))
        return self.daemons[-1]

    def checker(self, **handlers):
        self.daemons.append(StandIn(self.socket("checker-1.query"), **handlers))
        return self.daemons[-1]

    def ctl(self, *arguments):
        environment = {**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1"}
        done = subprocess.run([BIN / "entitlectl", "--config", self.config, "--timeout", "3s",
                               *map(str, arguments)],
                              capture_output=True, text=True, env=environment, timeout=60)
        assert not any(mark in done.stderr for mark in SANITIZER_MARKS), done.stderr
        return done.returncode, done.stdout, done.stderr

    def terminal(self, answer, *arguments):
        """Somebody at a terminal runs it and types the answer; the exit code and all that was shown."""
        ours, theirs = pty.openpty()
        try:
            with subprocess.Popen([BIN / "entitlectl", "--config", self.config, "--timeout", "3s",
                                   *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs) as running:
                os.write(ours, f"{answer}\n".encode())
                code = running.wait(60)
            shown = os.read(ours, 65536).decode()
        finally:
            os.close(ours)
            os.close(theirs)
        assert not any(mark in shown for mark in SANITIZER_MARKS), shown
        return code, shown

    def json(self, *arguments, code=0):
        ended, output, errors = self.ctl("--json", *arguments)
        assert ended == code, errors
        return json.loads(output)

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        self.remove()


def words(text):
    """Without the line breaks and the alignment."""
    return " ".join(text.split())
