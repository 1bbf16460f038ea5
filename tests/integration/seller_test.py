"""Whose credentials sign: the store remembers the seller account and believes no other."""
import json
import sys

import pytest

from tests.support.sandbox import (ACCESS_KEY, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY, SECRET_KEY)
from tests.support.suite import BUYER, NEW, SELLER, Suite

FOREIGN = "777788889999"
KEYS = {SELLER: (ACCESS_KEY, SECRET_KEY), FOREIGN: (FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)}
PROCESS = """
import json, time
keys = json.load(open({path!r}))
until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
print(json.dumps({{"Version": 1, "AccessKeyId": keys[0], "SecretAccessKey": keys[1], "Expiration": until}}))
"""


class OneChecker(Suite):
    """Its checker's credentials come from a program, and are asked for every other second."""
    checkers = ("1",)

    def __init__(self):
        super().__init__()
        text = self.config.read_text()
        for name in ("access_key_id", "secret_access_key"):
            text = "".join(line for line in text.splitlines(True) if not line.startswith(name))
        self.config.write_text(text)
        (self.directory / "keys.py").write_text(PROCESS.format(path=str(self.directory / "keys")))
        (self.directory / "aws").write_text(
            f"[default]\ncredential_process = {sys.executable} {self.directory / 'keys.py'}\n")
        for name, process in self.processes.items():
            process.environment.update({"AWS_CONFIG_FILE": str(self.directory / "aws"),
                                        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
                                       if name == "checker-1" else self.sandbox.environment())
        self.sign_as(SELLER)

    def sign_as(self, account):
        (self.directory / "keys").write_text(json.dumps(KEYS[account]))

    def accounts(self):
        shown = self.entitlectl_json("account")
        return shown["seller_account"], [checker["account"] for checker in shown["checkers"]]


@pytest.fixture
def suite():
    running = OneChecker()
    try:
        yield running.start()
    finally:
        running.close()


def test_what_another_account_signs_is_not_believed(suite):
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    licence = deal["license_arn"]
    suite.eventually_answers(True, "entitled", licence, "seats", 10)
    # The first answers may come before STS has said whose the keys are: they prove no account.
    suite.eventually(lambda: suite.accounts() == (SELLER, [SELLER]))

    suite.sign_as(FOREIGN)
    suite.eventually(lambda: "the store gives no work" in suite["checker-1"].said())
    assert suite.entitlectl("account")[0] == 1
    assert suite.accounts() == (SELLER, [FOREIGN])
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": 25})
    suite.sandbox.wait_queue_empty()
    calls = suite.sandbox.counts().get("GetEntitlements", 0)
    suite.eventually(lambda: suite.store.call("stats") and refused(suite) > 3)
    assert suite.sandbox.counts().get("GetEntitlements", 0) == calls
    assert suite.check(licence, "seats", 10)["reason"] == "entitled"

    suite.sign_as(SELLER)
    suite.eventually_answers(True, "entitled", licence, "seats", 25)
    assert suite.accounts() == (SELLER, [SELLER])


def refused(suite):
    counters = suite.store.call("stats")["counters"]
    return next(counter["value"] for counter in counters
                if counter["name"] == "entitled_claims_refused_total")


def test_another_account_is_believed_once_it_is_adopted(suite):
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    suite.sign_as(FOREIGN)
    suite.eventually(lambda: suite.accounts() == (SELLER, [FOREIGN]))
    assert suite.entitlectl("account", "adopt", "12")[0] == 2
    code, output, _ = suite.entitlectl("account", "adopt", FOREIGN, "--reason", "the firm was sold")
    assert code == 0 and FOREIGN in output
    # It sees nothing, which alone ends nobody's access.
    suite.store.call("mark", deal["license_arn"], "max_age")
    suite.eventually(lambda: state(suite, deal) == "held")
    suite.eventually_answers(True, "held", deal["license_arn"], "seats", 10)
    last = suite.entitlectl_json("journal", "--limit", "20")["entries"]
    assert any("the firm was sold" in entry.get("change", "") for entry in last)
    suite.entitlectl("account", "adopt", SELLER)
    suite.eventually(lambda: suite.accounts() == (SELLER, [FOREIGN]) and suite.entitlectl("account")[0] == 1)


def state(suite, deal):
    return suite.client("1").call("entitlements", deal["license_arn"])["holdings"][0]["state"]


def test_without_sts_the_work_goes_on(suite):
    suite.sandbox.fault(operation="GetCallerIdentity", kind="error500", count=1000)
    suite["checker-1"].kill()
    suite["checker-1"].start()
    suite.eventually(lambda: "AWS does not say whose credentials" in suite["checker-1"].said())
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    assert suite.accounts()[1] == [None]
    # The end that AWS announces needs no more than before.
    suite.sandbox.cancel(agreement=deal["agreement_id"])
    suite.eventually_answers(False, "ended", deal["license_arn"], "seats", 1)
