"""Maps of the protocol as frozen dataclasses: how a member is declared, and one reader for all."""
from __future__ import annotations

import dataclasses
import enum
import functools
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, TypeVar

Value = int | float | bool | str
T = TypeVar("T")

INTEGER_MIN, INTEGER_MAX = -(2 ** 63), 2 ** 63 - 1
STRING_LIMIT, ITEM_LIMIT = 4096, 1200


class Unreadable(ValueError):
    """The message is not as declared; the sentence says where."""


class Kind(NamedTuple):
    """What a member holds: `name` as proto/messages.def calls it."""

    name: str
    limit: int = 0
    words: type[enum.StrEnum] | None = None
    unknown: enum.StrEnum | None = None  # stands for words that this version does not know
    child: Any = None


def _member(kind: Kind, required: bool, fallback: object) -> Any:
    if required:
        return dataclasses.field(metadata={"kind": kind})
    return dataclasses.field(default=fallback, metadata={"kind": kind})


def text(limit: int, required: bool = False) -> Any:
    return _member(Kind("TEXT", limit), required, "")


def boolean(required: bool = False) -> Any:
    return _member(Kind("BOOL"), required, False)


def integer(fallback: int = 0, required: bool = False) -> Any:
    return _member(Kind("INT"), required, fallback)


def time() -> Any:
    return _member(Kind("TIME"), False, 0)


def value() -> Any:
    return _member(Kind("VALUE"), False, None)


def choice(words: type[enum.StrEnum], unknown: enum.StrEnum | None = None,
           required: bool = False) -> Any:
    return _member(Kind("CHOICE", words=words, unknown=unknown), required, unknown)


def texts(limit: int) -> Any:
    return _member(Kind("STRS", limit), False, ())


def item(child: type, required: bool = False) -> Any:
    return _member(Kind("ITEM", child=child), required, None)


def items(child: type, limit: int, required: bool = False) -> Any:
    return _member(Kind("LIST", limit, child=child), required, ())


@functools.cache
def members(shape: Any) -> tuple[tuple[str, Kind, bool], ...]:
    """(name, kind, required) of each."""
    return tuple((field.name, field.metadata["kind"], field.default is dataclasses.MISSING)
                 for field in dataclasses.fields(shape))


def check_text(name: str, thing: object, limit: int) -> str:
    if not isinstance(thing, str):
        raise Unreadable(f"'{name}' must be a text")
    try:
        size = len(thing.encode())
    except UnicodeEncodeError:
        size = -1
    if size > limit:
        raise Unreadable(f"'{name}' is longer than {limit} bytes")
    if size < 0 or "\0" in thing:
        raise Unreadable(f"'{name}' is not UTF-8 text")
    return thing


def _is_integer(thing: object) -> bool:
    return type(thing) is int and INTEGER_MIN <= thing <= INTEGER_MAX


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):?(\d\d))",
                   re.ASCII)


def _time_of(name: str, written: str) -> int:
    match = _TIME.fullmatch(written)
    try:
        if not match or int(match[4] or 0) > 14 or int(match[5] or 0) > 59 or int(match[2]) > 60:
            raise ValueError
        minute = datetime.strptime(match[1], "%Y-%m-%dT%H:%M").replace(tzinfo=timezone.utc)
        if minute.year < 1970:
            raise ValueError
    except ValueError:
        raise Unreadable(f"'{name}': not a time like 2026-11-23T12:00:00Z") from None
    offset = timedelta(hours=int(match[4] or 0), minutes=int(match[5] or 0))
    seconds = int(minute.timestamp()) + int(match[2])
    return seconds - int(offset.total_seconds()) * (-1 if match[3] == "-" else 1)


def _name_of(shape: type) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", shape.__name__).lower()


class Reader:
    """Reads a peer's message, whose unknown keys are ignored. In a file (`written`) they are faults, and
    times may be written out."""

    def __init__(self, written: bool = False) -> None:
        self.written = written

    def read(self, shape: type[T], thing: object) -> T:
        if not isinstance(thing, Mapping):
            raise Unreadable("a map was expected")
        declared: Any = shape
        known = members(declared)
        if self.written:
            self._refuse_others(shape, thing, {name for name, _, _ in known})
        found: dict[str, object] = {}
        for name, kind, required in known:
            got = thing.get(name)
            if got is not None:
                found[name] = self._READ[kind.name](self, name, kind, got)
            elif required:
                raise Unreadable(f"'{name}' is missing")
        return shape(**found)

    @staticmethod
    def _refuse_others(shape: type, thing: Mapping[Any, Any], names: set[str]) -> None:
        for name in thing:
            if name not in names:
                raise Unreadable(f"'{name}' is nothing that {_name_of(shape)} has")

    def _text(self, name: str, kind: Kind, thing: object) -> object:
        return check_text(name, thing, kind.limit)

    def _boolean(self, name: str, kind: Kind, thing: object) -> object:
        if not isinstance(thing, bool):
            raise Unreadable(f"'{name}' must be true or false")
        return thing

    def _integer(self, name: str, kind: Kind, thing: object) -> object:
        if not _is_integer(thing):
            raise Unreadable(f"'{name}' must be an integer")
        return thing

    def _time(self, name: str, kind: Kind, thing: object) -> object:
        if self.written and isinstance(thing, str):
            return _time_of(name, thing)
        return self._integer(name, kind, thing)

    def _value(self, name: str, kind: Kind, thing: object) -> object:
        if isinstance(thing, str):
            return check_text(name, thing, STRING_LIMIT)
        if isinstance(thing, (bool, float)) or _is_integer(thing):
            return thing
        raise Unreadable(f"'{name}' must be an integer, a double, a boolean or a text")

    def _choice(self, name: str, kind: Kind, thing: object) -> object:
        if not isinstance(thing, str):
            raise Unreadable(f"'{name}' must be a word")
        assert kind.words
        try:
            return kind.words(thing)
        except ValueError:
            return kind.unknown

    def _list(self, name: str, kind: Kind, thing: object) -> list[object]:
        if not isinstance(thing, list):
            raise Unreadable(f"'{name}' must be an array")
        if len(thing) > kind.limit:
            raise Unreadable(f"'{name}' has more than {kind.limit} items")
        return thing

    def _texts(self, name: str, kind: Kind, thing: object) -> object:
        return tuple(check_text(name, one, ITEM_LIMIT) for one in self._list(name, kind, thing))

    def _child(self, path: str, kind: Kind, thing: object) -> object:
        try:
            return self.read(kind.child, thing)
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}") from None

    def _items(self, name: str, kind: Kind, thing: object) -> object:
        return tuple(self._child(f"{name}[{index}]", kind, one)
                     for index, one in enumerate(self._list(name, kind, thing)))

    _READ: dict[str, Callable[[Reader, str, Kind, object], object]] = {
        "TEXT": _text, "BOOL": _boolean, "INT": _integer, "TIME": _time, "VALUE": _value,
        "CHOICE": _choice, "STRS": _texts, "ITEM": _child, "LIST": _items,
    }
