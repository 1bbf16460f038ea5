"""Options and questions of the application, checked, and the requests made of them."""
from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn, TypeVar

from . import _errors
from ._ask import Request
from ._curve import Pair, load_pair, load_public
from ._decide import Asked
from ._errors import BadRequest, Error
from ._fixture import FileAnswers
from ._messages import Answer, Answers, Description, Entitlements, Ping, Question, Reason
from ._roster import Roster
from ._shapes import INTEGER_MAX, Reader, Unreadable, check_text

# The limits of proto/messages.def.
HANDLE_LIMIT, NAME_LIMIT, TRACE_LIMIT, QUESTIONS_PER_MESSAGE = 1200, 255, 64, 1000
ID_LIMIT = 64
# A checker reads 512 KiB; the bytes around the texts of a question.
QUESTIONS_BYTES, QUESTION_FRAME_BYTES = 510 * 1024, 32
CHECKERS_MAX = 64
ENDPOINT_LIMIT = 1000
SPAN_MAX_MS = 24 * 60 * 60 * 1000

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Options:
    checkers: tuple[str, ...]
    directory: str | None
    discovery: bool
    timeout_ms: int
    hedge_ms: int
    file: str | None
    certificate: str | None = None
    checker_certificate: str | None = None
    pair: Pair | None = dataclasses.field(default=None, repr=False)  # what is in these
    checker_key: bytes | None = None

    def __post_init__(self) -> None:
        _check_span("timeout_ms", self.timeout_ms, 1)
        _check_span("hedge_ms", self.hedge_ms, 0)
        if len(self.checkers) > CHECKERS_MAX:
            raise BadRequest(f"there may be at most {CHECKERS_MAX} checkers")
        for endpoint in self.checkers:
            _check_endpoint(endpoint)
        if self.directory is not None:
            _text("directory", self.directory, ENDPOINT_LIMIT)
        if self.directory == "" or self.file == "":
            raise BadRequest("'directory' and 'file' must not be empty")
        if self.file is not None and (self.checkers or self.directory is not None):
            raise BadRequest("answers come from a file or from checkers, not from both")
        self._load_keys()

    def _load_keys(self) -> None:
        for endpoint in self.checkers:
            if endpoint.startswith("tcp://") and not (self.certificate and self.checker_certificate):
                raise BadRequest(f"'{endpoint}' needs 'certificate' and 'checker_certificate'")
        if self.certificate:
            object.__setattr__(self, "pair", load_pair(self.certificate))
        if self.checker_certificate:
            object.__setattr__(self, "checker_key", load_public(self.checker_certificate))


def roster_of(options: Options) -> Roster:
    return Roster(options.checkers, options.directory, options.discovery, options.pair,
                  options.checker_key)


def _check_span(name: str, span_ms: object, least: int) -> None:
    if type(span_ms) is not int or not least <= span_ms <= SPAN_MAX_MS:
        raise BadRequest(f"'{name}' must be an integer from {least} to {SPAN_MAX_MS}, a day")


def _check_endpoint(endpoint: object) -> None:
    text = _text("checkers", endpoint, ENDPOINT_LIMIT)
    if not text.startswith(("ipc://", "tcp://")) or len(text) == len("ipc://"):
        raise BadRequest(f"'{text}' is not an endpoint like ipc:///run/... or tcp://host:port")


def _text(name: str, thing: object, limit: int) -> str:
    try:
        return check_text(name, thing, limit)
    except Unreadable as error:
        raise BadRequest(str(error)) from None


def _optional(name: str, thing: object, limit: int) -> str:
    return "" if thing is None else _text(name, thing, limit)


def _quantity(quantity: object) -> float:
    if isinstance(quantity, bool) or not isinstance(quantity, (int, float)):
        raise BadRequest("'quantity' must be a number")
    try:
        return float(quantity)
    except OverflowError:
        raise BadRequest("'quantity' is too large") from None


def _question(question: Sequence[object]) -> Question:
    if isinstance(question, str) or not 2 <= len(question) <= 3:
        raise BadRequest("a question is (handle, dimension) or (handle, dimension, quantity)")
    handle, dimension, quantity = (*question, 1)[:3]
    if handle is None or dimension is None:
        raise BadRequest("a question needs handle and dimension")
    return Question(_text("handle", handle, HANDLE_LIMIT),
                    _text("dimension", dimension, NAME_LIMIT), _quantity(quantity))


def _max_age(max_age_ms: object) -> int:
    if max_age_ms is None:
        return 0
    if type(max_age_ms) is not int or not 0 <= max_age_ms <= INTEGER_MAX:
        raise BadRequest("'max_age_ms' must be an integer and must not be negative")
    return max_age_ms


def _settled(answer: Answer) -> Answer:
    """One answer of several may be an error, and then says nothing else."""
    if not answer.error:
        return answer
    error = _errors.of_code(answer.error, answer.message)
    return Answer(allow=False, reason=Reason.OTHER, error=error.code, message=error.message)


@dataclasses.dataclass(frozen=True)
class Plan(Request[T]):
    """A request, and how a file answers it."""

    from_file: Callable[[FileAnswers], T] = dataclasses.field(kw_only=True)


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes plans by a client's options. Raises BadRequest."""

    options: Options

    def _limits(self, timeout_ms: int | None, trace: str | None, **options: object,
                ) -> tuple[dict[str, object], float, float]:
        if timeout_ms is None:
            timeout_ms = self.options.timeout_ms
        _check_span("timeout_ms", timeout_ms, 1)
        options["trace"] = _optional("trace", trace, TRACE_LIMIT)
        given = {name: value for name, value in options.items() if value}
        return given, timeout_ms / 1000, self.options.hedge_ms / 1000

    def check(self, handle: str, dimension: str, quantity: float, product: str | None,
              license: str | None, max_age_ms: int | None, timeout_ms: int | None,
              trace: str | None) -> Plan[Answer]:
        question = _question((handle, dimension, quantity))
        product = _optional("product", product, NAME_LIMIT)
        license = _optional("license", license, HANDLE_LIMIT)
        age_ms = _max_age(max_age_ms)
        asked = Asked(*question, product, license, age_ms)
        limits = self._limits(timeout_ms, trace, product=product, license=license, max_age_ms=age_ms)
        return Plan("check", list(question), limits[0],
                    lambda result: _settled(Reader().read(Answer, result)), *limits[1:],
                    # A checker that asks AWS takes long; a second would only ask AWS again.
                    never_hedge=age_ms > 0, from_file=lambda file: file.check(asked))

    def check_many(self, questions: Iterable[Sequence[object]], product: str | None,
                   timeout_ms: int | None, trace: str | None) -> list[Plan[list[Answer]]]:
        read = [_numbered(index, question) for index, question in enumerate(questions)]
        product = _optional("product", product, NAME_LIMIT)
        limits = self._limits(timeout_ms, trace, product=product)
        return [self._some(some, product, limits) for some in _parted(read)]

    @staticmethod
    def _some(questions: list[Question], product: str,
              limits: tuple[dict[str, object], float, float]) -> Plan[list[Answer]]:
        def take(result: object) -> list[Answer]:
            answers = Reader().read(Answers, result).answers
            if len(answers) != len(questions):
                raise Unreadable(f"{len(questions)} questions got {len(answers)} answers")
            return [_settled(answer) for answer in answers]

        def one(file: FileAnswers, question: Question) -> Answer:
            try:
                return file.check(Asked(*question, product, "", 0))
            except BadRequest as error:
                return Answer(allow=False, reason=Reason.OTHER, error=error.code,
                              message=error.message)

        return Plan("check_many", [[list(question) for question in questions]], limits[0], take,
                    *limits[1:], from_file=lambda file: [one(file, each) for each in questions])

    def entitlements(self, handle: str, product: str | None, after: str | None,
                     timeout_ms: int | None, trace: str | None) -> Plan[Entitlements]:
        handle = _text("handle", handle, HANDLE_LIMIT)
        of_product = _optional("product", product, NAME_LIMIT)
        behind = _optional("after", after, ID_LIMIT)
        limits = self._limits(timeout_ms, trace, product=of_product, after=behind)
        return Plan("entitlements", [handle], limits[0],
                    lambda result: Reader().read(Entitlements, result), *limits[1:],
                    from_file=lambda file: file.entitlements(handle, of_product, behind))

    def describe(self, timeout_ms: int | None) -> Plan[Description]:
        return Plan("describe", [], *self._simple(timeout_ms, Description), from_file=_no_checker)

    def ping(self, timeout_ms: int | None) -> Plan[Ping]:
        return Plan("ping", [], *self._simple(timeout_ms, Ping), from_file=_no_checker)

    def _simple(self, timeout_ms: int | None, shape: type[T],
                ) -> tuple[dict[str, object], Callable[[object], T], float, float]:
        options, timeout_s, hedge_s = self._limits(timeout_ms, None)
        return options, lambda result: Reader().read(shape, result), timeout_s, hedge_s


def _no_checker(file: FileAnswers) -> NoReturn:
    raise _errors.UnknownMethod("a file answers check, check_many and entitlements")


def _numbered(index: int, question: Sequence[object]) -> Question:
    try:
        return _question(question)
    except BadRequest as error:
        raise BadRequest(f"question {index}: {error.message}") from None


def _parted(questions: list[Question]) -> Iterator[list[Question]]:
    """As many as a message may hold, and as fit into the size that a checker reads."""
    some: list[Question] = []
    left_bytes = QUESTIONS_BYTES
    for question in questions:
        size = QUESTION_FRAME_BYTES + len(question.handle.encode()) + len(question.dimension.encode())
        if len(some) == QUESTIONS_PER_MESSAGE or size > left_bytes:
            yield some
            some, left_bytes = [], QUESTIONS_BYTES
        some.append(question)
        left_bytes -= size
    if some:
        yield some


def time_left(plan: Plan[T], due_s: float, now_s: float) -> Plan[T]:
    """The same with the rest of the time for all. Raises Timeout."""
    left_s = min(plan.timeout_s, due_s - now_s)
    if left_s <= 0:
        raise _errors.Timeout(f"not every question was answered within {math.ceil(plan.timeout_s * 1000)} ms")
    return dataclasses.replace(plan, timeout_s=left_s)


def more_telling(said: Error | None, error: Error) -> Error:
    """A checker's earlier error says more than that there was no time to ask another."""
    return said if said is not None and isinstance(error, _errors.Timeout) else error


def check_ready(description: Description) -> None:
    if not description.ready:
        raise _errors.NotReady(f"checker '{description.instance}' is not ready yet")
