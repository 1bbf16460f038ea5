"""The file of the file mode: records, and the facts that decide, in JSON. libentitled reads the same."""
from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from . import _shapes
from ._decide import Asked, World
from ._errors import BadFile
from ._messages import Answer, Entitlements, Override, Policy, ProductPage, Subscription
from ._records import DEFAULT_POLICY, license_key

FILE_LIMIT_BYTES = 64 * 1024 * 1024
ITEMS_LIMIT = 100000


@dataclass(frozen=True, kw_only=True)
class Fixture:
    now: int = _shapes.time()
    policy: Policy | None = _shapes.item(Policy)
    products: tuple[ProductPage, ...] = _shapes.items(ProductPage, ITEMS_LIMIT)
    subscriptions: tuple[Subscription, ...] = _shapes.items(Subscription, ITEMS_LIMIT)
    overrides: tuple[Override, ...] = _shapes.items(Override, ITEMS_LIMIT)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is not a number")
    return number


def _whole_number(digits: str) -> float:
    number = int(digits) if len(digits) < 64 else 0
    if len(digits) >= 64 or not _shapes.INTEGER_MIN <= number <= _shapes.INTEGER_MAX:
        return _number(digits)
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _read_text(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            text = file.read(FILE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadFile(f"cannot open '{path}': {reason}") from None
    if len(text) > FILE_LIMIT_BYTES:
        raise BadFile(f"cannot read '{path}': File too large")
    return text


def _parse(text: bytes) -> object:
    try:
        return json.loads(text.decode(), parse_float=_number, parse_int=_whole_number,
                          parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _shapes.Unreadable(f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise _shapes.Unreadable("too deeply nested") from None


def _complete(record: Subscription, now_s: int) -> Subscription:
    """Members that do not matter to a test may be left out."""
    return dataclasses.replace(
        record, product_code=record.product_code or "product",
        license_key=record.license_key or license_key(record.license_arn),
        verified_at=record.verified_at or now_s, created_at=record.created_at or now_s,
        version=record.version or 1)


def _complete_all(records: Sequence[Subscription], now_s: int) -> list[Subscription]:
    ids: set[str] = set()
    for record in records:
        if record.id in ids:
            raise _shapes.Unreadable(f"two subscriptions have the id '{record.id}'")
        ids.add(record.id)
    return [_complete(record, now_s) for record in records]


class FileAnswers:
    """Answers from a file, at the time that it names or now."""

    def __init__(self, path: str) -> None:
        text = _read_text(path)
        try:
            fixture = _shapes.Reader(written=True).read(Fixture, _parse(text))
            records = _complete_all(fixture.subscriptions, fixture.now or int(time.time()))
        except ValueError as error:
            raise BadFile(f"{path}: {error}") from None
        self._now_s = fixture.now
        overrides = {word.id or f"override-{number}": word if word.id else
                     dataclasses.replace(word, id=f"override-{number}")
                     for number, word in enumerate(fixture.overrides, 1)}
        self._world = World(records, tuple(overrides.values()), fixture.policy or DEFAULT_POLICY,
                            fixture.products)

    def _now(self) -> int:
        return self._now_s or int(time.time())

    def check(self, asked: Asked) -> Answer:
        return self._world.check(asked, self._now())

    def entitlements(self, handle: str, product: str, after: str) -> Entitlements:
        return self._world.entitlements(handle, product, self._now(), after)
