"""A store that knows less than it did, and the checkers that know more: nobody who pays is refused."""
import re
import shutil

import pytest

from tests.support.rpc import RpcError
from tests.support.suite import NEW, Suite

BEFORE, SINCE = 3, 12  # customers


@pytest.fixture
def suite():
    running = Suite()
    running.start()
    try:
        yield running
    finally:
        running.close()


def buy(suite, number, **more):
    return suite.sandbox.buy(product=NEW, account=f"{200000000000 + number}",
                             dimensions={"seats": 10}, **more)["license_arn"]


def bought(suite, numbers):
    arns = [buy(suite, number) for number in numbers]
    for arn in arns:
        suite.eventually_answers(True, "entitled", arn, "seats", 10)
    return arns


def swap_state(suite, directory):
    """The store comes back with another directory; the one it had is gone."""
    shutil.rmtree(suite.directory / "state")
    directory.rename(suite.directory / "state")
    suite["store"].start()


def all_catch_up(suite):
    return all(suite.catching_up(name) for name in ("store", *suite.checkers))


def are_served(suite, arns, **options):
    """By every checker, at this moment."""
    for name in suite.checkers:
        for arn in arns:
            answer = suite.check(arn, "seats", 10, checker=name, **options)
            assert answer["allow"], (name, arn, answer)
    return True


def aws_is_away(suite):
    suite.sandbox.fault(operation="GetEntitlements", kind="error500", count=-1)


def served_until_caught_up(suite, arns):
    """AWS is away first, so that there is a while to look at."""
    suite.eventually(lambda: all_catch_up(suite))
    are_served(suite, arns)
    assert all(suite.check(arn, "seats", checker=name)["stale"]
               for name in suite.checkers for arn in arns)
    suite.sandbox.faults_clear()
    suite.eventually(lambda: are_served(suite, arns) and suite.all_have_caught_up())
    suite.eventually(lambda: are_served(suite, arns) and
                     not any(suite.check(arn, "seats", checker=name).get("stale")
                             for name in suite.checkers for arn in arns))


def test_a_restored_backup_refuses_nobody_who_bought_since(suite):
    arns = bought(suite, range(BEFORE))
    backup = suite.directory / "backup"
    assert suite.entitlectl("backup", backup)[0] == 0
    arns += bought(suite, range(BEFORE, BEFORE + SINCE))
    aws_is_away(suite)
    assert suite["store"].stop() == 0
    swap_state(suite, backup)
    served_until_caught_up(suite, arns)
    # What had not been known came with the sweep's rows, not by a call for each.
    swept = next(one for one in suite.entitlectl_json("sweep", "--last")["sweeps"]
                 if one["product"] == NEW)
    assert swept["unknown"] == SINCE


def test_an_empty_directory_refuses_nobody(suite):
    arns = bought(suite, range(BEFORE))
    aws_is_away(suite)
    assert suite["store"].stop() == 0
    (suite.directory / "empty").mkdir()
    swap_state(suite, suite.directory / "empty")
    served_until_caught_up(suite, arns)


def why_not_answered(suite, arn):
    with pytest.raises(RpcError) as refusal:
        suite.check(arn, "seats", 10, checker="2")
    return refusal.value.message


def test_who_began_later_says_that_it_does_not_know(suite):
    arns = bought(suite, range(BEFORE))
    aws_is_away(suite)
    assert suite["checker-2"].stop() == 0
    assert suite["store"].stop() == 0
    (suite.directory / "empty").mkdir()
    swap_state(suite, suite.directory / "empty")
    suite.eventually(lambda: suite.catching_up("store") and suite.catching_up("1"))
    suite["checker-2"].start()
    suite.eventually(lambda: all_catch_up(suite))
    # Before its copy is complete it says so, and then that the store is catching up.
    suite.eventually(lambda: "catching up" in why_not_answered(suite, arns[0]))
    many = suite.client("2").call("check_many", [[arns[0], "seats", 1]])["answers"]
    assert many[0]["error"] == "not_ready"
    suite.sandbox.faults_clear()
    suite.eventually(suite.all_have_caught_up)
    are_served(suite, arns)
    assert not suite.check("nobody", "seats", 10, checker="2")["allow"]


def lose_the_tail_of_the_log(suite):
    """SIGKILL, then one byte of what was synced last is another: all from there on is lost."""
    suite["store"].kill()
    log = max((suite.directory / "state").glob("log.*"))
    data = bytearray(log.read_bytes())
    mark = data.index(b"does not pay")
    data[mark] ^= 1
    log.write_bytes(data)


@pytest.mark.parametrize("how, lost", [("an older copy", (1, 1, 1)), ("a damaged log", (1, 0, 0))])
def test_a_store_that_comes_back_older_is_noticed(suite, how, lost):
    arns = bought(suite, range(BEFORE))
    suite.store.call("override_put", {"handle": arns[0], "action": "allow", "author": "removed"})
    kept = suite.store.call("snapshot")["overrides"][0]["id"]
    assert suite["store"].stop() == 0
    copy = suite.directory / "copy"
    shutil.copytree(suite.directory / "state", copy)
    suite["store"].start()
    incarnation = suite.store.call("describe")["incarnation"]
    suite.store.call("override_remove", kept)
    suite.store.call("link", arns[1], "tenant-1")
    since = bought(suite, range(BEFORE, BEFORE + SINCE))
    suite.store.call("override_put", {"handle": arns[2], "action": "deny", "author": "operator",
                                      "reason": "does not pay"})
    suite.eventually_answers(False, "override", arns[2], "seats", 1)
    suite.eventually_answers(True, "entitled", arns[0], "seats", 10)
    aws_is_away(suite)
    if how == "an older copy":
        assert suite["store"].stop() == 0
        swap_state(suite, copy)
    else:
        lose_the_tail_of_the_log(suite)
        suite["store"].start()
    # The store learns of it from its checkers, and is another one from then on.
    suite.eventually(lambda: suite.store.call("describe")["incarnation"] != incarnation)
    suite.eventually(lambda: all_catch_up(suite))
    assert "came back older" in suite["store"].said()
    assert suite.figures("store")["entitled_lost_commits"] > 0
    served_until_caught_up(suite, arns[:2] + since)
    # What only people knew is told: by the checkers' logs and figures, the journal and the doctor.
    for name in suite.checkers:
        assert (suite.figures(name)["entitled_overrides_lost_total"],
                suite.figures(name)["entitled_overrides_back_total"],
                suite.figures(name)["entitled_tenants_lost_total"]) == lost
    entries = suite.store.call("journal", "", 1000)["entries"]
    assert any(arns[2] in one.get("change", "") and "does not pay" in one["change"] and "deny" in one["change"]
               for one in entries if one.get("event") == "override")
    assert any(one.get("event") == "restored" for one in entries)
    code, output, _ = suite.entitlectl("doctor")
    assert code == 1 and "commits that it had acknowledged" in output, output
    assert re.search(f"{lost[0]} overrides are lost, {lost[1]} that were removed are back, {lost[2]} tenant", output), output
    assert suite.figures("store")["entitled_catching_up"] == 0


@pytest.mark.parametrize("file, offset, what", [
    ("subscriptions.db", 60, "cannot start"), ("log.0000000001", 30, "cannot start")])
def test_damaged_files_send_the_operator_to_the_backup(suite, file, offset, what):
    bought(suite, range(BEFORE))
    assert suite["store"].stop() == 0
    damaged = suite.directory / "state" / file
    data = bytearray(damaged.read_bytes())
    data[offset] ^= 1
    damaged.write_bytes(data)
    suite["store"].start(wait=False)
    suite["store"].popen.wait(60)
    said = suite["store"].said()
    assert what in said and "restore the backup" in said and "acknowledged" not in said, said
