"""What the store does for its own books: indexes, as a real process, with the operator's tool."""
import json
import signal
import subprocess
import time

import pytest

from tests.integration.store_test import BUYER, LICENSE, NEW, Store, event
from tests.support.process import BIN, SANITIZER_MARKS, SUPPORT


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
    assert figures["indexes_unproven"] == 0


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
