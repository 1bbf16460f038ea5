"""The blocking client."""
from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import zmq

from . import _context, _errors, _fork, _requests
from ._ask import Ask, Request
from ._errors import Error
from ._fixture import FileAnswers
from ._messages import Answer, Description, Entitlements
from ._requests import Maker, Options, Plan
from ._session import LOOK_AROUND_S, Session
from ._tally import Counts

IDLE_S = 60.0
READY_PAUSE_S = 0.05

T = TypeVar("T")


class _Engine:
    """The connections of one process: one session for each thread that asks at the same time, since
    ZeroMQ sockets belong to one thread at a time."""

    def __init__(self, options: Options) -> None:
        self.closed = False
        self._generation = _fork.generation()
        self._lock = threading.Lock()
        self._context: Any = _context.new()
        self._roster = _requests.roster_of(options)
        self.tally = self._roster.tally
        self._idle: list[Session] = []  # the one used last is last
        self._count = 0  # of all that are open

    def close(self) -> None:
        """Open questions of other threads end as Cancelled."""
        if self._generation != _fork.generation():
            return  # its sockets are the parent's
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
        self._end(idle)

    def _end(self, sessions: list[Session]) -> None:
        for session in sessions:
            session.close()
        with self._lock:
            self._count -= len(sessions)
            over = self.closed and self._count == 0
        if over:
            _context.end(self._context)

    def _take(self) -> Session:
        with self._lock:
            if self.closed:
                raise _errors.Cancelled("the client is closed")
            if self._idle:
                return self._idle.pop()
            self._count += 1
        return Session(self._context, self._roster)

    def _give_back(self, session: Session) -> None:
        session.used_s = time.monotonic()
        with self._lock:
            old = [session] if self.closed else [
                one for one in self._idle if session.used_s - one.used_s > IDLE_S]
            self._idle = [one for one in self._idle if one not in old]
            if not self.closed:
                self._idle.append(session)
        self._end(old)

    def ask(self, request: Request[T]) -> T:
        session = self._take()
        try:
            result = self._ask_in(session, request)
        except Error:
            self._give_back(session)
            raise
        except BaseException:
            # The interruption may have left the session half done.
            self._end([session])
            raise
        self._give_back(session)
        return result

    def _ask_in(self, session: Session, request: Request[T]) -> T:
        outcomes: list[tuple[Error | None, T | None]] = []
        # Events that happened meanwhile come first.
        session.turn()
        session.refresh()
        ask = Ask(session, request, lambda error, result: outcomes.append((error, result)))
        while not outcomes:
            session.turn(LOOK_AROUND_S)
            if self.closed:
                ask.cancel()
                raise _errors.Cancelled("the client was closed")
            if not outcomes and not session.connected:
                session.refresh()
        error, result = outcomes[0]
        if error:
            raise error
        return result  # type: ignore[return-value]


class Client:
    """Asks checkers; or answers from a file, for the tests of an application.

    checkers     query endpoints, e.g. "ipc:///run/entitled/public/checker-1.query" or
                 "tcp://10.0.0.5:5800"; one is enough to find the others
    directory    every checker-*.query socket in it; without both: /run/entitled/public
    discovery    whether to take up and drop checkers as they come and go, by asking them
    timeout_ms   the time for a question that sets none itself
    hedge_ms     how long one checker may think before a second is asked as well; the first answer
                 counts. 0: a quarter of the question's time
    file         answer from this file instead, see docs/clients.md
    certificate  of the application, for tcp:// endpoints: the path of its public half, beside which the
                 secret one is ("entitlectl keys make")
    checker_certificate
                 the public one that the tcp:// endpoints of `checkers` must show

    Any number of threads may ask one client at once. It goes on working in a child process after fork(),
    where it makes its own connections. It writes nothing, touches no signals and never ends the process;
    every failure is an entitled.Error.
    """

    def __init__(self, checkers: Iterable[str] = (), *, directory: str | None = None,
                 discovery: bool = True, timeout_ms: int = 2000, hedge_ms: int = 0,
                 file: str | None = None, certificate: str | None = None,
                 checker_certificate: str | None = None) -> None:
        if isinstance(checkers, str):
            raise _errors.BadRequest("'checkers' is a list of endpoints")
        self._options = Options(tuple(checkers), directory, discovery, timeout_ms, hedge_ms, file,
                                certificate, checker_certificate)
        self._make = Maker(self._options)
        self._file = FileAnswers(file) if file is not None else None
        self._closed = False
        self._engines: dict[int, _Engine] = {}  # by _fork.generation()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections; later questions are Cancelled."""
        self._closed = True
        engine = self._engines.get(_fork.generation())
        if engine:
            engine.close()

    def _engine(self) -> _Engine:
        generation = _fork.generation()
        engine = self._engines.get(generation)
        if engine:
            return engine
        made = _Engine(self._options)
        # Of several threads with first questions at the same time, one makes it.
        engine = self._engines.setdefault(generation, made)
        if engine is made:
            weakref.finalize(self, engine.close)
        else:
            made.close()
        return engine

    def _ask(self, plan: Plan[T]) -> T:
        if self._closed:
            raise _errors.Cancelled("the client is closed")
        if self._file:
            return plan.from_file(self._file)
        return self._engine().ask(plan)

    def check(self, handle: str, dimension: str, quantity: float = 1, *,
              product: str | None = None, license: str | None = None,
              max_age_ms: int | None = None, timeout_ms: int | None = None,
              trace: str | None = None) -> Answer:
        """May this customer use this much of that? Returns the answer, also if it refuses; raises
        entitled.Error without an answer.

        handle is your tenant id, a licence, an account id, a customer identifier or a subscription id.
        quantity 0 asks whether the dimension is held at all. max_age_ms waits for data not older than
        this, for which AWS is asked. trace appears in the daemons' logs.
        """
        return self._ask(self._make.check(handle, dimension, quantity, product, license, max_age_ms,
                                          timeout_ms, trace))

    def check_many(self, questions: Iterable[Sequence[object]], *, product: str | None = None,
                   timeout_ms: int | None = None, trace: str | None = None) -> list[Answer]:
        """Many questions, (handle, dimension) or (handle, dimension, quantity), in few messages: their
        answers in the same order. The answer to a bad question has `error` and `message`, and refuses."""
        answers: list[Answer] = []
        due_s: float | None = None
        for plan in self._make.check_many(questions, product, timeout_ms, trace):
            due_s = due_s or time.monotonic() + plan.timeout_s
            left = _requests.time_left(plan, due_s, time.monotonic())
            some: list[Answer] = self._ask(left)
            answers += some
        return answers

    def counts(self) -> Counts:
        """Counters of what happened between this client and its checkers."""
        engine = self._engines.get(_fork.generation())
        return engine.tally.read() if engine else Counts()

    def entitlements(self, handle: str, *, product: str | None = None, after: str | None = None,
                     timeout_ms: int | None = None, trace: str | None = None) -> Entitlements:
        """Every subscription of a handle, with its state and how its entitlements count.

        If the answer has a `next`, there are more: ask again with it as `after`.
        """
        return self._ask(self._make.entitlements(handle, product, after, timeout_ms, trace))

    def describe(self, *, timeout_ms: int | None = None) -> Description:
        """The checker that answered, and the others that it knows."""
        return self._ask(self._make.describe(timeout_ms))

    def ping(self, *, timeout_ms: int | None = None) -> int:
        """A checker's clock, UTC in milliseconds."""
        return self._ask(self._make.ping(timeout_ms)).time_ms

    def wait_ready(self, timeout_ms: int) -> None:
        """Waits until a checker answers from complete data; raises the reason if none does in time."""
        due_s = time.monotonic() + timeout_ms / 1000
        said: Error | None = None
        while not self._file:
            left_ms = max(1, int((due_s - time.monotonic()) * 1000))
            try:
                return _requests.check_ready(self.describe(timeout_ms=left_ms))
            except Error as error:
                said = _requests.more_telling(said, error)
                if time.monotonic() + READY_PAUSE_S >= due_s or not error.retryable:
                    raise said from None
            time.sleep(READY_PAUSE_S)
