"""The client for asyncio."""
from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import zmq

from . import _context, _errors, _fork, _requests
from ._ask import Ask, Request
from ._client import READY_PAUSE_S
from ._errors import Error
from ._fixture import FileAnswers
from ._link import Socket
from ._messages import Answer, Description, Entitlements
from ._requests import Maker, Options, Plan
from ._session import LOOK_AROUND_S, Session
from ._tally import Counts

TURNS_MAX = 16

T = TypeVar("T")


class _Engine:
    """The connections of one process: one session, driven by the event loop it was made in.

    A ZeroMQ socket's descriptor is readable when something changed since its events were last read. So
    they are read again after each use of the socket, until there are none (zmq_getsockopt(3), ZMQ_FD).
    """

    def __init__(self, options: Options) -> None:
        self.generation, self.loop = _fork.generation(), asyncio.get_running_loop()
        self._context: Any = _context.new()
        roster = _requests.roster_of(options)
        self.tally = roster.tally
        self._session = Session(self._context, roster, self._watch)
        self._asked: dict[asyncio.Future[Any], Ask[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._closed = False

    def _watch(self, socket: Socket, opened: bool) -> None:
        descriptor: int = socket.getsockopt(zmq.FD)
        if opened:
            self.loop.add_reader(descriptor, self._look)
        elif not self.loop.is_closed():
            self.loop.remove_reader(descriptor)

    def _look_soon(self) -> None:
        if not self._soon:
            self._soon = self.loop.call_soon(self._look)

    def _look(self) -> None:
        if self._soon:
            self._soon.cancel()
            self._soon = None
        turns = 0
        while self._session.turn() and turns < TURNS_MAX:
            turns += 1
        if turns == TURNS_MAX:
            self._look_soon()  # others have their turn meanwhile
        if not self._session.connected:
            self._session.refresh()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        delay_s = self._session.timers.delay_s()
        if self._asked and not self._session.connected:
            delay_s = min(LOOK_AROUND_S, LOOK_AROUND_S if delay_s is None else delay_s)
        if delay_s is not None:
            self._timer = self.loop.call_later(delay_s, self._look)

    async def ask(self, request: Request[T]) -> T:
        future: asyncio.Future[T | None] = self.loop.create_future()

        def done(error: Error | None, result: T | None) -> None:
            if future.done():
                return
            if error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self._session.refresh()
        ask = self._asked[future] = Ask(self._session, request, done)
        self._look_soon()
        try:
            return await future  # type: ignore[return-value]
        finally:
            del self._asked[future]
            # If it has been answered there is nothing left to cancel.
            if future.cancelled():
                ask.cancel()

    def drop(self) -> None:
        """Its owner has let it go, in any thread."""
        if self.loop.is_running():
            self.loop.call_soon_threadsafe(self.close)
        else:
            self.close()

    def close(self) -> None:
        if self._closed or self.generation != _fork.generation():
            return  # in a child process, its sockets are the parent's
        self._closed = True
        for future, ask in self._asked.items():
            if not (future.done() or self.loop.is_closed()):
                ask.cancel()
                future.set_exception(_errors.Cancelled("the client was closed"))
        for handle in (self._soon, self._timer):
            if handle:
                handle.cancel()
        self._session.close()
        _context.end(self._context)


class AsyncClient:
    """Client for asyncio: functions that block there are awaited here.

    It belongs to the event loop of its first question; in a child process after fork(), to that of the
    child.
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
        self._engine: _Engine | None = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections; open and later questions are Cancelled."""
        self._closed = True
        engine, self._engine = self._engine, None
        if engine:
            engine.close()

    async def _ask(self, plan: Plan[T]) -> T:
        if self._closed:
            raise _errors.Cancelled("the client is closed")
        if self._file:
            return plan.from_file(self._file)
        if not self._engine or self._engine.generation != _fork.generation():
            self._engine = _Engine(self._options)
            weakref.finalize(self, self._engine.drop)
        if self._engine.loop is not asyncio.get_running_loop():
            raise RuntimeError("this client belongs to another event loop")
        return await self._engine.ask(plan)

    def counts(self) -> Counts:
        """See Client.counts()."""
        engine = self._engine
        if not engine or engine.generation != _fork.generation():
            return Counts()
        return engine.tally.read()

    async def check(self, handle: str, dimension: str, quantity: float = 1, *,
                    product: str | None = None, license: str | None = None,
                    max_age_ms: int | None = None, timeout_ms: int | None = None,
                    trace: str | None = None) -> Answer:
        """See Client.check()."""
        return await self._ask(self._make.check(handle, dimension, quantity, product, license,
                                                max_age_ms, timeout_ms, trace))

    async def check_many(self, questions: Iterable[Sequence[object]], *,
                         product: str | None = None, timeout_ms: int | None = None,
                         trace: str | None = None) -> list[Answer]:
        """See Client.check_many()."""
        answers: list[Answer] = []
        due_s: float | None = None
        for plan in self._make.check_many(questions, product, timeout_ms, trace):
            due_s = due_s or time.monotonic() + plan.timeout_s
            left = _requests.time_left(plan, due_s, time.monotonic())
            some: list[Answer] = await self._ask(left)
            answers += some
        return answers

    async def entitlements(self, handle: str, *, product: str | None = None, after: str | None = None,
                           timeout_ms: int | None = None, trace: str | None = None) -> Entitlements:
        """See Client.entitlements()."""
        return await self._ask(self._make.entitlements(handle, product, after, timeout_ms, trace))

    async def describe(self, *, timeout_ms: int | None = None) -> Description:
        """See Client.describe()."""
        return await self._ask(self._make.describe(timeout_ms))

    async def ping(self, *, timeout_ms: int | None = None) -> int:
        """See Client.ping()."""
        return (await self._ask(self._make.ping(timeout_ms))).time_ms

    async def wait_ready(self, timeout_ms: int) -> None:
        """See Client.wait_ready()."""
        due_s = time.monotonic() + timeout_ms / 1000
        said: Error | None = None
        while not self._file:
            left_ms = max(1, int((due_s - time.monotonic()) * 1000))
            try:
                return _requests.check_ready(await self.describe(timeout_ms=left_ms))
            except Error as error:
                said = _requests.more_telling(said, error)
                if time.monotonic() + READY_PAUSE_S >= due_s or not error.retryable:
                    raise said from None
            await asyncio.sleep(READY_PAUSE_S)
