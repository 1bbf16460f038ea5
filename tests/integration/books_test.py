"""What the store does for its own books: indexes, the journal's chain, backups, with the operator's tool."""
import json
import shutil
import signal
import subprocess
import time

import pytest

from tests.integration.store_test import BUYER, LICENSE, NEW, Store, event
from tests.support.process import BIN, SANITIZER_MARKS, SUPPORT
from tests.support.rpc import Client


class Books(Store):
    def ctl(self, *arguments):
        done = subprocess.run([BIN / "entitlectl", "--config", self.config, "--json",
                               *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert not any(mark in done.stderr for mark in SANITIZER_MARKS), done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def spoil(self, handle):
        subprocess.run([SUPPORT / "spoil_indexes", self.directory / "data", handle], check=True,
                       timeout=60)

    def waits_for_line(self, text):
        deadline = time.monotonic() + 30
        while text not in self.process.log.read_text():
            assert time.monotonic() < deadline, self.process.tail()
            self.feed.next(200)


@pytest.fixture
def books():
    running = Books()
    running.process.start()
    yield running
    running.close()


def found(books, handle):
    return [one["id"] for one in books.call("find", handle).get("subscriptions", [])]


def fill(books):
    ids = [books.call("register", NEW, account_id=f"{number:012}")["subscription"]["id"]
           for number in range(1, 6)]
    books.call("notify", event("license_updated", "e-1", license=LICENSE))
    return ids


def test_indexes_are_checked_after_a_crash_while_the_store_serves(books):
    ids = fill(books)
    books.process.kill()
    books.spoil("000000000003")
    books.process.start()
    books.waits_for_line("the indexes differed from the records and were rebuilt")
    assert found(books, "000000000003") == [ids[2]]
    assert found(books, "stray") == []
    changes = [one["change"] for one in books.call("journal", "", 2)["entries"]]
    assert "index handles rebuilt: 0 entries were missing, 1 were too many" in changes
    assert "index handles rebuilt: 1 entries were missing, 0 were too many" in changes

    books.process.kill()
    books.process.start()
    books.waits_for_line("the indexes agree with the records")


def test_indexes_are_not_checked_after_an_end_in_order(books):
    fill(books)
    books.restart(signal.SIGTERM)
    assert len(found(books, BUYER)) == 1
    assert "indexes" not in books.process.log.read_text()
    figures = {one["name"]: one["value"] for one in books.call("stats")["counters"]}
    assert figures["entitled_indexes_unproven"] == 0


def test_an_operator_has_the_indexes_checked(books):
    ids = fill(books)
    assert books.ctl("check-indexes")[0] == 0
    assert books.process.stop() == 0
    books.spoil("000000000003")
    books.process.start()
    assert found(books, "000000000003") == [] and found(books, "stray") == [ids[2]]

    code, report, _ = books.ctl("check-indexes", "--report-only")
    assert code == 1 and report["differing"] == 2 and not report["rebuilt"]
    assert report["indexes"][0] == {"index": "handles", "entries": 13, "missing": 1, "surplus": 1}
    assert found(books, "stray") == [ids[2]]

    code, report, _ = books.ctl("check-indexes")
    assert code == 1 and report["differing"] == 2 and report["rebuilt"]
    assert found(books, "000000000003") == [ids[2]] and found(books, "stray") == []
    code, report, _ = books.ctl("check-indexes")
    assert code == 0 and report["differing"] == 0
    assert [one["index"] for one in report["indexes"]] == [
        "handles", "journal by subscription", "notifications by subscription",
        "notifications by event"]
    entry = books.call("journal", "", 1)["entries"][0]
    assert entry["cause"] == "operator" and entry["author"]

    assert books.process.stop() == 0
    assert books.ctl("check-indexes")[0] == 2
    books.process.start()


def test_the_journal_is_proved_whole_and_against_the_heads_of_the_log(books):
    fill(books)
    code, report, _ = books.ctl("journal", "verify")
    assert code == 0 and report["whole"] and report["breaks"] == []
    assert report["entries"] == 6 and report["head"].startswith("6.0:")
    # The head is logged at every start, and daily.
    books.restart()
    books.waits_for_line(f"msg=\"the journal's head\" head={report['head']}")
    head = report["head"]
    books.call("register", NEW, account_id="999999999999")
    code, report, _ = books.ctl("journal", "verify", "--head", head)
    assert code == 0 and report["whole"] and report["entries"] == 7

    wrong = head[:-8] + "00000000"
    code, report, _ = books.ctl("journal", "verify", "--head", wrong)
    assert code == 1 and not report["whole"]
    assert report["breaks"] == [{"at": "6.0",
                                 "problem": "the chain's hash is not that of the head"}]
    code, report, _ = books.ctl("journal", "verify", "--head", wrong.replace("6.0", "70.0"))
    assert code == 1 and report["breaks"][0]["problem"] == "the entry of the head is missing"
    assert books.ctl("journal", "verify", "--head", "6.0")[0] == 2


def test_the_journal_of_a_customer_has_its_overrides_and_what_they_said(books):
    ids = fill(books)
    account = "000000000002"
    number = books.call("override_put", {"handle": account, "dimension": "seats", "action": "value", "value": 50,
                                         "author": "kim", "reason": "pilot"})["override"]["id"]
    books.call("override_put", {"handle": ids[1], "action": "deny", "author": "kim", "expires_at": 2000000000})
    books.call("override_put", {"handle": "nobody-yet", "action": "allow", "author": "kim"})
    books.call("override_remove", number, author="lee")

    def changes(handle):
        code, told, errors = books.ctl("journal", handle)
        assert code == 0, errors
        return [entry["change"] for entry in told["entries"] if entry.get("event") == "override"]

    of_one = [f"override removed: 50 of seats for {account} (pilot)",
              f"override set: deny all dimensions for {ids[1]} until 2033-05-18T03:33:20Z",
              f"override set: 50 of seats for {account} (pilot)"]
    assert changes(account) == changes(ids[1]) == of_one
    assert changes("000000000003") == []
    # One that only an override knows.
    assert changes("nobody-yet") == ["override set: allow all dimensions for nobody-yet"]
    assert books.ctl("journal", "nobody")[0] == 1
    # The index of them is checked like the others.
    books.process.kill()
    books.process.start()
    books.waits_for_line("the indexes agree with the records")
    # What is erased of the customer is erased of its overrides.
    assert books.ctl("journal", "erase", account)[:2] == (0, {"erased": 4})
    assert changes(account) == []
    assert books.ctl("check-indexes")[0] == 0 and books.ctl("journal", "verify")[0] == 0


def test_words_of_the_journal_are_erased_and_it_stays_whole(books):
    ids = fill(books)
    books.call("link", ids[0], "jane.doe@example.com", author="kim")
    books.call("contact_put", ids[0], [{"name": "email", "value": "jane.doe@example.com"}])
    books.call("contact_put", ids[0], [])
    override = books.call("override_put", {"handle": ids[1], "action": "allow", "author": "kim",
                                           "reason": "Jane asked"})["override"]["id"]
    assert [one["change"] for one in books.call("journal", "", 3)["entries"]][1:] == [
        "contact erased", "contact kept"]
    assert "jane" not in str(books.call("journal", "", 3)["entries"][1:]).lower()

    assert books.ctl("journal", "erase", ids[0])[:2] == (0, {"erased": 4})
    assert books.ctl("journal", "erase", "--override", override)[:2] == (0, {"erased": 1})
    assert books.ctl("journal", "erase")[0] == 2
    assert books.ctl("journal", "erase", "nobody")[0] == 1
    entries = books.call("journal", "", 100)["entries"]
    assert "jane" not in str(entries).lower()
    assert sum(one.get("erased", False) for one in entries) == 5
    assert [one["event"] for one in entries[:2]] == ["words_erased"] * 2
    code, report, _ = books.ctl("journal", "verify")
    assert code == 0 and report["erased"] == 5
    assert b"jane.doe" not in (books.directory / "data" / "contacts.db").read_bytes()


def test_daemons_and_operators_leave_events(books):
    ids = fill(books)
    books.call("record_event", "refused", "a registration token that AWS does not know")
    books.ctl("--timeout", "1s", "refresh", ids[0])
    entries = books.call("journal", "", 2)["entries"]
    assert [one["event"] for one in entries] == ["refresh", "refused"]
    assert entries[0]["cause"] == "operator" and ids[0] in entries[0]["change"]
    assert entries[1]["cause"] == "store"


def test_a_backup_is_made_while_the_store_is_written(books):
    """It holds every commit up to the one it names, and starts as a store of its own."""
    fill(books)
    writer = Client(books.endpoint)
    target = books.directory / "backup"
    backup = subprocess.Popen([BIN / "entitlectl", "--config", books.config, "--json", "backup",
                               target], stdout=subprocess.PIPE, text=True)
    written = 0
    while backup.poll() is None:
        writer.call("register", NEW, account_id=f"{1000 + written:012}")
        written += 1
    writer.close()
    report = json.loads(backup.communicate()[0])
    assert backup.returncode == 0 and written > 0
    assert sorted(path.name for path in target.iterdir() if path.name.endswith(".db")) == sorted(
        path.name for path in (books.directory / "data").glob("*.db"))
    assert [one["event"] for one in books.call("journal", "", 1000)["entries"]
            if "event" in one] == ["backup"]

    code, _, why = books.ctl("backup", target)
    assert code == 2 and "exists already" in why
    assert books.ctl("backup", "relative")[0] == 2
    assert books.ctl("backup", "/proc/nowhere")[0] == 2

    incarnation = books.call("describe")["incarnation"]
    before = {one["id"]: one for one in books.call("list", "", 10000)["subscriptions"]}
    assert books.process.stop() == 0
    shutil.rmtree(books.directory / "data")
    target.rename(books.directory / "data")
    books.process.start()
    described = books.call("describe")
    assert described["incarnation"] not in ("", incarnation)
    # Its start is one commit more.
    assert described["seq"] == report["seq"] + 1
    restored = {one["id"]: one for one in books.call("list", "", 10000)["subscriptions"]}
    assert restored == {name: one for name, one in before.items() if one["seq"] <= report["seq"]}
    assert len(restored) >= 6
    assert books.call("journal", "", 1)["entries"][0]["event"] == "restored"
    assert books.ctl("journal", "verify")[0] == 0
    assert books.ctl("check-indexes")[0] == 0


def test_a_backup_that_finds_no_room_leaves_nothing(books):
    fill(books)
    assert books.process.stop() == 0
    books.config.write_text(books.config.read_text().replace("free_space_floor = 0",
                                                             "free_space_floor = 1000G"))
    books.process.start()
    code, _, why = books.ctl("backup", books.directory / "backup")
    assert code == 2 and "must stay free" in why
    assert not list(books.directory.glob("backup*"))


def test_replicas_equal_a_restored_store(suite):
    """A backup taken under load is restored under running checkers."""
    purchases = [suite.client("store").call("register", NEW, account_id=f"{number:012}")
                 ["subscription"]["id"] for number in range(1, 21)]
    target = suite.directory / "backup"
    backup = subprocess.Popen([BIN / "entitlectl", "--config", suite.config, "backup", target],
                              stdout=subprocess.DEVNULL)
    number = 0
    while backup.poll() is None:
        suite.client("store").call("link", purchases[number % 20], f"tenant-{number}")
        number += 1
    assert backup.returncode == 0
    # What the restored store does not know: the replicas must forget it, once that has caught up.
    lost = suite.client("store").call("register", NEW, account_id="999999999999")
    lost = lost["subscription"]["id"]
    suite.eventually(lambda: all(holds(suite, name, lost) for name in suite.checkers))

    assert suite["store"].stop() == 0
    (suite.directory / "state").rename(suite.directory / "old")
    target.rename(suite.directory / "state")
    suite["store"].start()
    suite.eventually(lambda: all(everything(suite, name) == everything(suite, "store")
                                 for name in suite.checkers))
    suite.eventually(lambda: not any(holds(suite, name, lost) for name in suite.checkers))
    assert len(everything(suite, "store")[1]) == 20


def holds(suite, name, subscription):
    return suite.client(name).call("entitlements", subscription)["holdings"] != []


def everything(suite, name):
    """The incarnation and every record, but for what AWS is asked about meanwhile."""
    snapshot = suite.client(name).call("snapshot", "", 10000)
    return snapshot["incarnation"], {one["id"]: one for one in snapshot["subscriptions"]}
