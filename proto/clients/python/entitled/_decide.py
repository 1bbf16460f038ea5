"""How an answer is decided: the rules of docs/protocol.md, for the file mode alone.

Checkers and libentitled share one implementation, proto/decide. This one follows it function by function,
and is held to it by the conformance suite and by random worlds that both answer.
"""
from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ._errors import BadRequest
from ._messages import (Answer, Counting, Entitlement, Entitlements, HeldEntitlement, Holding,
                        Override, OverrideAction, Policy, ProductPage, Reason, State, Subscription)
from ._records import (Rules, counting_of, has_handle, has_id, is_stale, license_key, own_state,
                       same_handle)
from ._shapes import INTEGER_MAX, Value

PRODUCTS_SHOWN = 8
LIST_LIMIT_BYTES = 4000


class Asked(NamedTuple):
    """A question; empty texts and 0 for members that it leaves open."""

    handle: str
    dimension: str
    quantity: float
    product: str
    license: str
    max_age_ms: int


# The records that a question is about.

class _Fate(NamedTuple):
    """Of a record's successors: whether one is served, and whether one was granted something and ended."""

    active: bool
    over: bool


_NOBODY = _Fate(False, False)


class _Lineage:
    """The successors among the facts: found once, so that the work grows in proportion to the records."""

    def __init__(self, facts: Sequence[Subscription], rules: Rules) -> None:
        self._rules = rules
        self._by_id: dict[str, list[Subscription]] = {}
        self._after: dict[str, _Fate] = {}  # of a record's successors
        self._from: dict[str, _Fate] = {}  # and of itself
        for record in facts:
            for id in dict.fromkeys((record.id, *record.aliases)):
                self._by_id.setdefault(id, []).append(record)

    def successor_of(self, record: Subscription) -> Subscription | None:
        for other in self._by_id.get(record.successor, ()) if record.successor else ():
            if other is not record and other.product_code == record.product_code:
                return other
        return None

    def state_of(self, record: Subscription) -> State:
        """With regard to its successors; records that succeed each other in a circle have none."""
        after = _NOBODY
        if record.successor:
            self._settle(record)
            after = self._after[record.id]
        if after.active:
            return State.ENDED
        return own_state(record, self._rules._replace(successor_wait_s=0) if after.over else self._rules)

    def _own_fate(self, record: Subscription) -> _Fate:
        state = own_state(record, self._rules)
        return _Fate(state in (State.ACTIVE, State.HELD),
                     state == State.ENDED and bool(record.entitlements))

    def _settle(self, start: Subscription) -> None:
        way: dict[str, Subscription] = {}
        at: Subscription | None = start
        while at is not None and at.id not in self._from and at.id not in way:
            way[at.id] = at
            at = self.successor_of(at)
        if at is not None and at.id in way:
            ids = list(way)
            self._settle_circle([way[id] for id in ids[ids.index(at.id):]])
        for record in reversed(way.values()):
            if record.id in self._from:
                continue
            successor, own = self.successor_of(record), self._own_fate(record)
            after = self._from[successor.id] if successor else _NOBODY
            self._after[record.id] = after
            self._from[record.id] = _Fate(after.active or own.active, after.over or own.over)

    def _settle_circle(self, circle: Sequence[Subscription]) -> None:
        fates = [self._own_fate(record) for record in circle]
        for record in circle:
            self._after[record.id] = _NOBODY
            self._from[record.id] = _Fate(any(fate.active for fate in fates),
                                          any(fate.over for fate in fates))


def _is_asked_about(record: Subscription, asked: Asked) -> bool:
    if asked.product and asked.product != record.product_code:
        return False
    if not asked.license:
        return True
    key = license_key(asked.license)
    return key == record.license_key if key else asked.license == record.license_arn


def _select(asked: Asked, facts: Sequence[Subscription], lineage: _Lineage) -> list[Subscription]:
    selected = [record for record in facts if _is_asked_about(record, asked)]
    if asked.license:
        ids = {record.id for record in selected}
        for record in selected:  # grows while it is read: successors of successors
            successor = lineage.successor_of(record)
            if successor and successor.id not in ids:
                ids.add(successor.id)
                selected.append(successor)
    return _without_hearsay(selected)


def _is_established(record: Subscription) -> bool:
    return bool(record.entitlements or record.registered_at or record.tenant)


def _without_hearsay(records: list[Subscription]) -> list[Subscription]:
    """Records that only an announcement made known do not make another product's customer ambiguous: of
    several products, those with an established record stay, if there are any."""
    if len({record.product_code for record in records}) < 2:
        return records
    established = {record.product_code for record in records if _is_established(record)}
    return [record for record in records if record.product_code in established] or records


class _Handles:
    """The texts that name one of the records, as has_handle() says."""

    def __init__(self, records: Iterable[Subscription]) -> None:
        self._keys: set[str] = set()
        self._texts: set[str] = set()
        for record in records:
            self._keys.add(record.license_key)
            self._texts.update((record.id, *record.aliases, record.tenant, record.account_id,
                                record.customer_identifier, record.license_arn))
        self._keys.discard("")
        self._texts.discard("")

    def include(self, handle: str) -> bool:
        return license_key(handle) in self._keys or handle in self._texts


def _override(asked: Asked, overrides: Iterable[Override], records: Sequence[Subscription],
              now_s: int) -> Override | None:
    """An override of the dimension beats one of all dimensions; one of the handle as asked beats one of
    another handle of its records; a newer one beats an older one."""
    handles = _Handles(records)

    def applies(word: Override) -> bool:
        return (word.action is not None and (word.expires_at == 0 or word.expires_at > now_s)
                and word.dimension in ("", asked.dimension)
                and (same_handle(word.handle, asked.handle)
                     or handles.include(word.handle)))

    def weight(word: Override) -> tuple[bool, bool, int, int, str]:
        return (word.dimension != "", same_handle(word.handle, asked.handle), word.seq,
                word.created_at, word.id)

    applying = [word for word in overrides if applies(word)]
    return max(applying, key=weight) if applying else None


# Their sum.

class Counted(NamedTuple):
    record: Subscription
    value: Value
    expires_at: int
    counting: Counting


_COUNTS = (Counting.YES, Counting.GRACE, Counting.HELD)  # from the best to the worst
_KINDS = (int, float, bool, str)


@dataclasses.dataclass
class Tally:
    items: list[Counted]
    unknown_kind: bool = False
    unverified: bool = False
    expired: bool = False
    pending: bool = False

    @property
    def mixed(self) -> bool:
        return len({type(one.value) for one in self.items}) > 1


def _take_in(tally: Tally, record: Subscription, entitlement: Entitlement, rules: Rules) -> None:
    counting = counting_of(record, entitlement, rules)
    value = entitlement.value
    if counting in _COUNTS:
        if value is None or value != value:
            tally.unknown_kind = True
        else:
            tally.items.append(Counted(record, value, entitlement.expires_at, counting))
    elif counting == Counting.EXPIRED:
        tally.expired = True
    elif counting == Counting.UNVERIFIED:
        tally.unverified = True


def _order(one: Counted) -> tuple[int, float, str]:
    """Doubles give the same sum only if they are added in the same order."""
    number = one.value if isinstance(one.value, float) else 0.0
    return (_KINDS.index(type(one.value)), number, one.value if isinstance(one.value, str) else "")


def _tally(records: Sequence[Subscription], dimension: str, rules: Rules) -> Tally:
    tally = Tally([])
    for record in records:
        for entitlement in record.entitlements:
            if entitlement.dimension == dimension:
                _take_in(tally, record, entitlement, rules)
        if own_state(record, rules) == State.PENDING:
            tally.pending = True
    tally.items.sort(key=_order)
    return tally


def _list(texts: Iterable[str]) -> str:
    out, count = "", 0
    for text in dict.fromkeys(texts):
        out += ", " if count else ""
        count += 1
        if count > 1 and len(out.encode()) + len(text.encode()) > LIST_LIMIT_BYTES:
            return out + "..."
        out += text
    return out


def _total(tally: Tally, worst: Counting) -> Value | None:
    """The sum of all entitlements that count at least as well."""
    good = _COUNTS[:_COUNTS.index(worst) + 1]
    values = [one.value for one in tally.items if one.counting in good]
    if not values or tally.mixed:
        return None
    if isinstance(values[0], bool):
        return any(values)
    if isinstance(values[0], str):
        return _list(str(value) for value in values)
    if isinstance(values[0], int):
        return min(sum(int(value) for value in values if int(value) > 0), INTEGER_MAX)
    total = 0.0
    for value in values:
        total = total if float(value) < 0 else min(total + float(value), sys.float_info.max)
    return total


def _covers(granted: Value | None, quantity: float) -> bool:
    if isinstance(granted, bool):
        return granted
    if isinstance(granted, int):
        return granted >= math.ceil(quantity)
    if isinstance(granted, float):
        return granted >= quantity
    return granted is not None


def _why_nothing_counts(tally: Tally) -> Reason:
    if tally.unknown_kind:
        return Reason.BAD_DATA
    if tally.unverified:
        return Reason.UNVERIFIED
    if tally.expired:
        return Reason.EXPIRED
    return Reason.PENDING if tally.pending else Reason.NOT_ENTITLED


def _weigh(tally: Tally, granted: Value | None, quantity: float) -> Reason:
    if not tally.items:
        return _why_nothing_counts(tally)
    if tally.mixed:
        return Reason.BAD_DATA
    if _covers(_total(tally, Counting.YES), quantity):
        return Reason.ENTITLED
    if _covers(_total(tally, Counting.GRACE), quantity):
        return Reason.GRACE
    if _covers(granted, quantity):
        return Reason.HELD
    if isinstance(granted, bool):
        return _why_nothing_counts(tally)
    return Reason.INSUFFICIENT_QUANTITY


# The answer.

def _is_stale(verified_at: int, asked: Asked, rules: Rules) -> bool:
    """Both times are cut to whole seconds, so that the age may be almost a second more than it looks:
    a question with an age never gets older data."""
    older = 0 < asked.max_age_ms and rules.now_s - verified_at >= asked.max_age_ms // 1000
    return older or is_stale(verified_at, rules.stale_after_s, rules)


def _refusal(reason: Reason, records: Sequence[Subscription], asked: Asked, rules: Rules) -> Answer:
    """A refusal is as old as the oldest record it rests on."""
    oldest = min(record.verified_at for record in records)
    return Answer(allow=False, reason=reason, verified_at=oldest,
                  stale=_is_stale(oldest, asked, rules),
                  subscription=records[0].id if len(records) == 1 else "")


def _by_override(word: Override, quantity: float) -> Answer:
    by_value = word.action == OverrideAction.VALUE
    return Answer(reason=Reason.OVERRIDE, expires_at=word.expires_at,
                  granted=word.value if by_value else None,
                  allow=_covers(word.value, quantity) if by_value
                  else word.action == OverrideAction.ALLOW)


def _by_entitlements(records: Sequence[Subscription], asked: Asked, rules: Rules) -> Answer:
    tally = _tally(records, asked.dimension, rules)
    granted = _total(tally, Counting.HELD)
    reason = _weigh(tally, granted, asked.quantity)
    answer = _refusal(reason, records, asked, rules)
    if not tally.items or tally.mixed:
        return answer
    counted = {one.record.id: one.record for one in tally.items}
    answer = dataclasses.replace(
        answer, granted=granted,
        expires_at=min((one.expires_at for one in tally.items if one.expires_at), default=0),
        subscription=next(iter(counted)) if len(counted) == 1 else "",
        combined=len(counted) if len(counted) > 1 else 0)
    if reason not in (Reason.ENTITLED, Reason.GRACE, Reason.HELD):
        return answer
    oldest = min(record.verified_at for record in counted.values())
    return dataclasses.replace(answer, allow=True, verified_at=oldest,
                               stale=_is_stale(oldest, asked, rules))


def _several(records: Sequence[Subscription]) -> BadRequest:
    products = sorted({record.product_code for record in records})
    names = ", ".join(products[:PRODUCTS_SHOWN]) + (", ..." if len(products) > PRODUCTS_SHOWN else "")
    return BadRequest(f"the handle has several products, name one of them: {names}")


def _check_question(asked: Asked) -> None:
    if not asked.handle:
        raise BadRequest("the handle is empty")
    if not asked.dimension:
        raise BadRequest("the dimension is empty")
    if not math.isfinite(asked.quantity) or asked.quantity < 0:
        raise BadRequest("the quantity must be a finite number that is not negative")


def decide(asked: Asked, facts: Sequence[Subscription], overrides: Iterable[Override],
           policy: Policy, now_s: int) -> Answer:
    """`facts`: what the handle leads to, successors included. Raises BadRequest."""
    _check_question(asked)
    rules = Rules.of(policy, now_s)
    lineage = _Lineage(facts, rules)
    found = _select(asked, facts, lineage)
    several = len({record.product_code for record in found}) > 1
    word = _override(asked, overrides, [] if several else found, now_s)
    if word:
        return _by_override(word, asked.quantity)
    if several:
        raise _several(found)
    if not found:
        return Answer(allow=False, reason=Reason.NOT_SUBSCRIBED)
    going = [record for record in found if lineage.state_of(record) != State.ENDED]
    if not going:
        return _refusal(Reason.ENDED, found, asked, rules)
    return _by_entitlements(going, asked, rules)


def subscribe_url(answer: Answer, asked: Asked, facts: Sequence[Subscription],
                  products: Sequence[ProductPage]) -> str:
    """Where to subscribe, for the answers that say so."""
    if answer.reason not in (Reason.NOT_SUBSCRIBED, Reason.ENDED):
        return ""
    product = asked.product
    if not product and answer.reason == Reason.ENDED:
        about = _without_hearsay([record for record in facts if _is_asked_about(record, asked)])
        product = about[0].product_code if about else ""
    if not product:
        return products[0].subscribe_url if len(products) == 1 else ""
    return next((page.subscribe_url for page in products if page.code == product), "")


# For people.

def holdings(facts: Sequence[Subscription], overrides: Iterable[Override], handle: str,
             product: str, policy: Policy, now_s: int, after: str = "") -> Entitlements:
    """Every subscription of the handle with its state and how each entitlement counts."""
    rules = Rules.of(policy, now_s)
    lineage, handles = _Lineage(facts, rules), _Handles(facts)
    found = sorted((record for record in facts if product in ("", record.product_code) and record.id > after),
                   key=lambda record: record.id)
    words = [word for word in overrides if same_handle(word.handle, handle)
             or handles.include(word.handle)]
    return Entitlements(holdings=tuple(_holding(record, lineage, rules) for record in found),
                        overrides=tuple(words))


def _holding(record: Subscription, lineage: _Lineage, rules: Rules) -> Holding:
    state = lineage.state_of(record)
    return Holding(
        subscription=record, state=state, stale=is_stale(record.verified_at, rules.stale_after_s, rules),
        entitlements=tuple(HeldEntitlement(
            dimension=one.dimension, value=one.value, expires_at=one.expires_at,
            counts=Counting.ENDED if state == State.ENDED else counting_of(record, one, rules))
            for one in record.entitlements))


class World:
    """Records by their handles, and the facts that decide."""

    def __init__(self, records: Sequence[Subscription], overrides: Sequence[Override],
                 policy: Policy, products: Sequence[ProductPage]) -> None:
        self.overrides, self.policy, self.products = overrides, policy, products
        self._by_handle: dict[str, list[Subscription]] = {}
        for record in records:
            for handle in {record.id, *record.aliases, record.tenant, record.account_id,
                           record.customer_identifier, record.license_arn,
                           record.license_key} - {""}:
                self._by_handle.setdefault(handle, []).append(record)

    def _leads_to(self, handle: str) -> list[Subscription]:
        under = [*self._by_handle.get(handle, ()), *self._by_handle.get(license_key(handle), ())]
        found = {record.id: record for record in under if has_handle(record, handle)}
        waiting = list(found.values())
        for record in waiting:  # grows while it is read
            for other in self._by_handle.get(record.successor, ()):
                if has_id(other, record.successor) and other.id not in found:
                    found[other.id] = other
                    waiting.append(other)
        return waiting

    def check(self, asked: Asked, now_s: int) -> Answer:
        facts = self._leads_to(asked.handle)
        answer = decide(asked, facts, self.overrides, self.policy, now_s)
        url = subscribe_url(answer, asked, facts, self.products)
        return dataclasses.replace(answer, subscribe_url=url) if url else answer

    def entitlements(self, handle: str, product: str, now_s: int, after: str = "") -> Entitlements:
        if not handle:
            raise BadRequest("the handle is empty")
        return holdings(self._leads_to(handle), self.overrides, handle, product, self.policy, now_s,
                        after)
