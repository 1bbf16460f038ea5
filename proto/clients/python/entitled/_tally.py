"""Counters of what happens between a client and its checkers; they begin with the process."""
from __future__ import annotations

import threading
from typing import NamedTuple


class Counts(NamedTuple):
    """Counted since this process has had the client; a child of fork() begins at 0."""

    asked: int = 0  # requests sent to checkers
    hedged: int = 0  # of them, while another checker was still thinking
    failed_over: int = 0  # of them, when the checkers before had failed
    dropped: int = 0  # of them, not needed any more: another answered first


class Tally:
    """Any thread may add and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def add(self, *, asked: int = 0, hedged: int = 0, failed_over: int = 0, dropped: int = 0) -> None:
        with self._lock:
            now = self._counts
            self._counts = Counts(now.asked + asked, now.hedged + hedged,
                                  now.failed_over + failed_over, now.dropped + dropped)

    def read(self) -> Counts:
        return self._counts
