"""The checkers: those that the options name, those found in a directory, and those that checkers
report (describe). One roster for all connections of a client; any thread may change and read it."""
from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from ._curve import Pair, is_key
from ._link import Curve
from ._messages import Description, Peer
from ._tally import Tally

DEFAULT_DIRECTORY = "/run/entitled/public"
NEWS_INTERVAL_S = 10.0
LOOK_INTERVAL_S = 0.5
ENTRIES_MAX = 64


class Entry(NamedTuple):
    endpoint: str
    told: bool  # reported by another checker; dropped when no report has it
    curve: Curve | None = None  # of tcp://


View = tuple[Entry, ...]


def _is_within_reach(endpoint: str, here: bool, over_tcp: bool) -> bool:
    if endpoint.startswith("ipc://"):
        return here and os.access(endpoint.removeprefix("ipc://"), os.R_OK | os.W_OK)
    return over_tcp and endpoint.startswith("tcp://")


def _choose(endpoints: Iterable[str], here: bool, over_tcp: bool) -> str | None:
    """A socket of this machine rather than one over the network."""
    within = [endpoint for endpoint in endpoints if _is_within_reach(endpoint, here, over_tcp)]
    local = [endpoint for endpoint in within if endpoint.startswith("ipc://")]
    return local[-1] if local else within[0] if within else None


class Roster:
    def __init__(self, checkers: Iterable[str], directory: str | None, discovery: bool,
                 pair: Pair | None = None, checker_key: bytes | None = None) -> None:
        self._checkers = tuple(checkers)
        self._pair, self._checker_key = pair, checker_key
        self._directory = directory or (None if self._checkers else DEFAULT_DIRECTORY)
        self._discovery = discovery
        self.tally = Tally()
        self._lock = threading.Lock()
        self._news_at_s = self._look_at_s = 0.0
        # Replaced when it changes, never changed: the holder of the same one has the latest.
        self.view: View = ()
        self._publish(self._known())

    def _publish(self, entries: Iterable[Entry]) -> None:
        """The first of an endpoint stands."""
        by_endpoint: dict[str, Entry] = {}
        for entry in entries:
            by_endpoint.setdefault(entry.endpoint, entry)
        view = tuple(by_endpoint.values())[:ENTRIES_MAX]
        if {entry[::2] for entry in view} != {entry[::2] for entry in self.view}:
            self.view = view

    def _known(self) -> list[Entry]:
        return [self._entry(endpoint, False, self._checker_key)
                for endpoint in (*self._checkers, *self._found())]

    def _entry(self, endpoint: str, told: bool, key: bytes | None) -> Entry:
        curve = None
        if endpoint.startswith("tcp://") and self._pair and key:
            curve = Curve(*self._pair, key)
        return Entry(endpoint, told, curve)

    def _found(self) -> list[str]:
        try:
            names = os.listdir(self._directory) if self._directory else []
        except OSError:
            return []
        return [f"ipc://{self._directory}/{name}" for name in names
                if name.startswith("checker-") and name.endswith(".query")]

    def look(self) -> None:
        """Looks into the directory again, if checkers are found there."""
        with self._lock:
            if self._directory:
                self._publish([*self._known(), *(entry for entry in self.view if entry.told)])

    def learn(self, endpoint: str, description: Description) -> None:
        """Takes up what the checker at this endpoint reports."""
        with self._lock:
            # The reporting checker stays. An empty report means that it has lost the store, not that the
            # others are gone.
            kept = [entry for entry in self.view if not entry.told or not description.peers
                    or entry.endpoint == endpoint]
            known = {entry.endpoint for entry in kept}
            # Its paths are of this host, unless the report came over TCP.
            here = not endpoint.startswith("tcp://")
            told = [self._told(peer, known, here) for peer in description.peers
                    if peer.daemon == "entitled-checker"]
            self._publish([*kept, *(entry for entry in told if entry)])

    def _told(self, peer: Peer, known: set[str], here: bool) -> Entry | None:
        reached = [endpoint for endpoint in peer.endpoints if here or endpoint.startswith("tcp://")]
        # A checker that is known by one endpoint is not added under another.
        if not self._discovery or known.intersection(reached):
            return None
        over_tcp = self._pair is not None and is_key(peer.public_key.encode())
        endpoint = _choose(reached, here, over_tcp)
        return self._entry(endpoint, True, peer.public_key.encode()) if endpoint else None

    def take_ask_turn(self) -> bool:
        """Whether it is time to ask a checker for the others; true for one caller only."""
        with self._lock:
            now = time.monotonic()
            due = now >= self._news_at_s
            if due:
                self._news_at_s = now + NEWS_INTERVAL_S
            return due

    def wants_look(self) -> bool:
        with self._lock:
            now = time.monotonic()
            due = now >= self._look_at_s
            if due:
                self._look_at_s = now + LOOK_INTERVAL_S
            return due
