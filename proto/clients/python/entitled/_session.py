"""Connections to the checkers of a roster, for one thread at a time or one event loop: which are up,
which to ask first, and the requests under way.

Health: a checker that failed or kept silent is asked last, for a while that grows with each failure. An
answer clears this.
"""
from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Container
from typing import Any

import zmq

from . import _errors
from ._errors import Error
from ._link import FRAME_LIMIT_BYTES, Link, Socket, pack_request
from ._messages import Description
from ._roster import Entry, Roster, View
from ._shapes import Reader, Unreadable
from ._timers import Timer, Timers

AVOID_S = 0.25
AVOID_DOUBLINGS_MAX = 5
DESCRIBE_TIMEOUT_S = 5.0
# The server answers at the deadline; its last answer may still arrive.
LAST_WORD_S = 0.2
LOOK_AROUND_S = 0.5
MSGID_MAX = 2 ** 32

# Of a request: the error, or None and the result.
Done = Callable[[Error | None, object], None]


class Checker:
    def __init__(self, entry: Entry) -> None:
        self.endpoint, self.curve = entry.endpoint, entry.curve
        self.link: Link
        self.users = 0  # requests under way: it is not closed meanwhile
        self.leaving = False  # no longer in the roster
        self.chosen = 0  # when it was chosen last, counted in choices
        self._failures = 0
        self._avoid_until_s = 0.0

    @property
    def is_open(self) -> bool:
        return self.link.connected and not self.leaving

    def failed(self) -> None:
        doublings = min(self._failures, AVOID_DOUBLINGS_MAX)
        self._failures += 1
        self._avoid_until_s = time.monotonic() + AVOID_S * 2 ** doublings

    def answered(self) -> None:
        self._failures = 0
        self._avoid_until_s = 0.0

    def rank(self, now_s: float) -> tuple[float, int]:
        """The lower, the sooner it is asked: in turns, those to avoid last."""
        return (max(self._avoid_until_s - now_s, 0.0), self.chosen)


class Call:
    """A request to one checker. `done` is called once, from Session.turn(), unless cancelled."""

    def __init__(self, session: Session, checker: Checker, msgid: int, method: str,
                 timeout_s: float, done: Done) -> None:
        self.checker = checker
        self._session, self._msgid, self._done = session, msgid, done
        self._late = session.timers.after(timeout_s + LAST_WORD_S, lambda: self.finish(
            _errors.Timeout(f"'{checker.endpoint}' has not answered '{method}' in time"), None))
        checker.users += 1

    def cancel(self) -> None:
        self._session.calls.pop(self._msgid, None)
        self._late.cancel()
        self.checker.users -= 1

    def finish(self, error: Error | None, result: object) -> None:
        self.cancel()
        self._done(error, result)

    def fail_soon(self, error: Error) -> None:
        """On the next turn: a callback never runs inside the call that causes it."""
        self._session.calls.pop(self._msgid, None)
        self._late.cancel()
        self._late = self._session.timers.after(0, lambda: self.finish(error, None))


class Session:
    def __init__(self, context: Any, roster: Roster,
                 on_socket: Callable[[Socket, bool], None] | None = None) -> None:
        """`on_socket` is called for each socket that is opened (True) or closed (False)."""
        self.roster, self.timers = roster, Timers()
        self.calls: dict[int, Call] = {}
        self.waiters: dict[object, Callable[[], None]] = {}
        self.used_s = time.monotonic()
        self._context, self._on_socket = context, on_socket
        self._view: View | None = None
        self._checkers: dict[str, Checker] = {}
        self._poller = zmq.Poller()
        self._handlers: dict[Socket, Callable[[], None]] = {}
        self._msgids = itertools.count(1)
        self._choices = itertools.count(1)
        self._describing = False

    def close(self) -> None:
        for checker in list(self._checkers.values()):
            self._close(checker)

    # Its sockets.

    def turn(self, timeout_s: float = 0) -> bool:
        """Waits for events, at most so long and until the next timer, and handles them. Whether there
        were any."""
        delay_s = self.timers.delay_s()
        wait_s = timeout_s if delay_s is None else min(timeout_s, delay_s)
        ready = self._poller.poll(math.ceil(wait_s * 1000))
        for socket, _ in ready:
            self._handlers[socket]()
        self.timers.fire()
        return bool(ready)

    def _watch(self, socket: Socket, handler: Callable[[], None]) -> None:
        self._handlers[socket] = handler
        self._poller.register(socket, zmq.POLLIN)
        if self._on_socket:
            self._on_socket(socket, True)

    def _unwatch(self, socket: Socket) -> None:
        if self._on_socket:
            self._on_socket(socket, False)
        self._poller.unregister(socket)
        del self._handlers[socket]

    def _open(self, entry: Entry) -> None:
        checker, endpoint = Checker(entry), entry.endpoint
        try:
            checker.link = Link(self._context, endpoint, entry.curve, self._on_response,
                                lambda connected: self._on_connection(checker, connected))
        except zmq.ZMQError:
            return  # it counts as away
        self._checkers[endpoint] = checker
        self._watch(checker.link.dealer, checker.link.receive)
        self._watch(checker.link.monitor, checker.link.see)

    def _close(self, checker: Checker) -> None:
        del self._checkers[checker.endpoint]
        self._unwatch(checker.link.dealer)
        self._unwatch(checker.link.monitor)
        checker.link.close()

    def _on_connection(self, checker: Checker, connected: bool) -> None:
        if connected:
            checker.answered()
            waiters, self.waiters = self.waiters, {}
            for wake in waiters.values():
                wake()
            return
        for call in list(self.calls.values()):
            if call.checker is checker:
                call.fail_soon(_errors.Unavailable(
                    f"the connection to '{checker.endpoint}' was lost"))

    # The checkers.

    def refresh(self) -> None:
        """Connects and drops checkers as the roster says, and asks one for the others when it is time.
        Not from a callback of turn()."""
        if self._view is not None and not self.connected and self.roster.wants_look():
            self.roster.look()
        stale = self._view is not self.roster.view
        if stale:
            self._view = self.roster.view
            wanted = {entry.endpoint: entry for entry in self._view}
            for checker in self._checkers.values():
                # A connection keeps the key that it expects.
                checker.leaving = (checker.endpoint not in wanted
                                   or wanted[checker.endpoint].curve != checker.curve)
        for checker in list(self._checkers.values()):
            if checker.leaving and checker.users == 0:
                self._close(checker)
                stale = True
        for entry in (self._view or ()) if stale else ():
            if entry.endpoint not in self._checkers:
                self._open(entry)
        if not self._describing and self.connected and self.roster.take_ask_turn():
            self._ask_for_checkers()

    def _ask_for_checkers(self) -> None:
        checker = self.choose(())

        def learn(error: Error | None, result: object) -> None:
            self._describing = False
            assert checker
            try:
                description = None if error else Reader().read(Description, result)
            except Unreadable:
                description = None
            if description:
                checker.answered()
                self.roster.learn(checker.endpoint, description)
            else:
                checker.failed()

        if checker:
            self._describing = True
            self.call(checker, "describe", [], {}, DESCRIBE_TIMEOUT_S, learn)

    @property
    def connected(self) -> bool:
        return any(checker.is_open for checker in self._checkers.values())

    @property
    def count(self) -> int:
        """Of the checkers known."""
        return len(self._view or ())

    def choose(self, without: Container[Checker]) -> Checker | None:
        """The checker to ask now: connected, healthy ones first, in turns."""
        now_s = time.monotonic()
        able = [checker for checker in self._checkers.values()
                if checker.is_open and checker not in without]
        if not able:
            return None
        best = min(able, key=lambda checker: checker.rank(now_s))
        best.chosen = next(self._choices)
        return best

    # Requests.

    def call(self, checker: Checker, method: str, params: list[object], options: dict[str, object],
             timeout_s: float, done: Done) -> Call:
        msgid = next(self._msgids) % MSGID_MAX
        limits: dict[str, object] = {**options, "timeout_ms": max(1, int(timeout_s * 1000))}
        payload = pack_request(msgid, method, [*params, limits])
        call = Call(self, checker, msgid, method, timeout_s, done)
        if len(payload) > FRAME_LIMIT_BYTES:
            call.fail_soon(_errors.BadRequest(
                f"the request is larger than the {FRAME_LIMIT_BYTES} bytes of a message"))
        elif checker.link.send(payload):
            self.calls[msgid] = call
        else:
            call.fail_soon(_errors.Unavailable(f"'{checker.endpoint}' takes no more for now"))
        return call

    def _on_response(self, msgid: int, error: object, result: object) -> None:
        # A response to a request that is over is not a fault: its deadline has passed.
        call = self.calls.get(msgid)
        if call is None:
            return
        if error is None:
            call.finish(None, result)
        elif isinstance(error, dict):
            call.finish(_errors.of_code(error.get("code"), error.get("message")), None)
        else:
            call.finish(_errors.of_code(None, None), None)

    def after(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self.timers.after(delay_s, function)
