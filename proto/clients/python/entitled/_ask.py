"""One question to the checkers, until one of them answers: failover, hedging, deadline.

If a checker fails, the next is asked. If one has not answered after a while, another is asked as well,
and the first answer counts. Asking twice does no harm: a check changes nothing.
"""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from . import _errors
from ._errors import Error
from ._session import Call, Checker, Session
from ._shapes import Unreadable
from ._timers import Timer

ATTEMPTS_MAX = 16
# A checker that has been silent for so long when another answers is asked last from then on.
SILENCE_S = 0.25
# Between two attempts at the same checkers.
PAUSE_S = 0.05
# For a checker that is known but not connected, when the others have failed: it may be starting.
COMING_S = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request, and the function that reads its result (raises Unreadable)."""

    method: str
    params: list[object]
    options: dict[str, object]
    read: Callable[[object], T]
    timeout_s: float
    hedge_s: float
    never_hedge: bool = False


class Attempt:
    def __init__(self, checker: Checker) -> None:
        self.checker, self.began_s = checker, time.monotonic()
        self.call: Call | None = None  # None: over


class Ask(Generic[T]):
    """`done` is called once, from Session.turn() and never before, unless cancelled: with an error, or
    with None and the result."""

    def __init__(self, session: Session, request: Request[T],
                 done: Callable[[Error | None, T | None], None]) -> None:
        self._session, self._request, self._done = session, request, done
        self._due_s = time.monotonic() + request.timeout_s
        self._attempts: dict[Checker, Attempt] = {}  # begins anew when all have failed
        self._tried = False  # any checker at all
        self._waited = False  # for a checker that is starting
        self._error: Error | None = None  # of the last failure
        self._next: Timer | None = None
        self._deadline = session.after(request.timeout_s, self._on_deadline)
        self._try_next()

    def cancel(self) -> None:
        self._stop_waiting()
        self._deadline.cancel()
        for attempt in self._under_way():
            if time.monotonic() - attempt.began_s >= SILENCE_S:
                attempt.checker.failed()
            assert attempt.call
            attempt.call.cancel()

    def _under_way(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.call]

    def _finish(self, error: Error | None, result: T | None = None) -> None:
        self.cancel()
        self._done(error, result)

    def _finish_failed(self) -> None:
        self._finish(self._error or _errors.Internal())

    def _stop_waiting(self) -> None:
        self._session.waiters.pop(self, None)
        if self._next:
            self._next.cancel()
            self._next = None

    def _on_deadline(self) -> None:
        if self._under_way():
            self._error = _errors.Timeout("no checker has answered within "
                                          f"{round(self._request.timeout_s * 1000)} ms")
        elif not self._tried:
            self._error = _errors.Unavailable(
                f"no checker can be reached ({self._session.count} known)")
        self._finish_failed()

    def _try_next(self) -> None:
        self._stop_waiting()
        checker = None
        if len(self._attempts) < ATTEMPTS_MAX:
            checker = self._session.choose(self._attempts)
        if checker:
            self._send_to(checker)
        else:
            self._nobody_left()

    def _try_in(self, delay_s: float) -> None:
        if self._next:
            self._next.cancel()
        self._next = self._session.after(delay_s, self._try_next)

    def _wait_for_connection(self) -> None:
        self._session.waiters[self] = self._try_next

    def _nobody_left(self) -> None:
        """Every checker that is connected has been asked."""
        if self._under_way():
            self._wait_for_connection()
            return
        # Errors that may be over a moment later. For the others, asking again would not help, or would
        # make things worse.
        passing = isinstance(self._error, (_errors.Unavailable, _errors.NotReady))
        if self._tried and not passing:
            self._others_or_nothing()
            return
        self._attempts.clear()
        if self._session.connected:
            self._try_in(PAUSE_S)
        self._wait_for_connection()

    def _others_or_nothing(self) -> None:
        """Asking the same checker again would not help."""
        if self._waited or len(self._attempts) >= self._session.count:
            self._finish_failed()
            return
        self._waited = True
        self._try_in(COMING_S)
        self._wait_for_connection()

    def _send_to(self, checker: Checker) -> None:
        request, others = self._request, len(self._under_way())
        self._session.roster.tally.add(asked=1, hedged=others > 0,
                                       failed_over=self._tried and not others)
        attempt = self._attempts[checker] = Attempt(checker)
        # The server has a little less time than the question, so that its last answer still arrives.
        left_s = max(0.001, 0.9 * (self._due_s - time.monotonic()))
        attempt.call = self._session.call(
            checker, request.method, request.params, request.options, left_s,
            lambda error, result: self._on_done(attempt, error, result))
        self._tried = True
        if not request.never_hedge:
            self._try_in(request.hedge_s or request.timeout_s / 4)

    def _read(self, result: object) -> tuple[Error | None, T | None]:
        try:
            return None, self._request.read(result)
        except Unreadable as error:
            return _errors.Internal(
                f"the answer to '{self._request.method}' cannot be read: {error}"), None

    def _on_done(self, attempt: Attempt, error: Error | None, result: object) -> None:
        attempt.call = None
        read: T | None = None
        if error is None:
            error, read = self._read(result)
        if error is None or not error.retryable:
            attempt.checker.answered()
            self._session.roster.tally.add(dropped=len(self._under_way()))
            self._finish(error, read)
            return
        attempt.checker.failed()
        self._error = error
        self._try_next()
