"""The answers of checkers, as proto/messages.def declares them.

Times are UTC in seconds since the epoch, 0: none or not known. A member that is absent is empty, zero,
false or None.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from ._shapes import Value, boolean, choice, integer, item, items, text, texts, time, value


class Reason(enum.StrEnum):
    """Why an answer is what it is."""

    ENTITLED = "entitled"
    GRACE = "grace"
    HELD = "held"
    OVERRIDE = "override"
    INSUFFICIENT_QUANTITY = "insufficient_quantity"
    UNVERIFIED = "unverified"
    EXPIRED = "expired"
    PENDING = "pending"
    NOT_ENTITLED = "not_entitled"
    ENDED = "ended"
    NOT_SUBSCRIBED = "not_subscribed"
    BAD_DATA = "bad_data"
    OTHER = "other"  # not known to this version


class State(enum.StrEnum):
    """What a subscription is now."""

    PENDING = "pending"
    ACTIVE = "active"
    HELD = "held"
    ENDED = "ended"
    PAYMENT_FAILED = "payment_failed"
    OTHER = "other"


class Counting(enum.StrEnum):
    """How an entitlement counts now."""

    YES = "yes"
    GRACE = "grace"
    HELD = "held"
    EXPIRED = "expired"
    UNVERIFIED = "unverified"
    ENDED = "ended"
    OTHER = "other"


class Notice(enum.StrEnum):
    """The end that AWS announced."""

    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"
    DEPROVISIONED = "DEPROVISIONED"
    UNSUBSCRIBED = "unsubscribe-success"


class OverrideAction(enum.StrEnum):
    """What an operator's override says."""

    ALLOW = "allow"
    DENY = "deny"
    VALUE = "value"


class Question(NamedTuple):
    """One of many: check_many() takes plain tuples as well."""

    handle: str
    dimension: str
    quantity: float = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """May this customer use this much of that? An answer is as true as its `allow`, so that
    `if client.check(...)` means what it says."""

    allow: bool = boolean(required=True)
    reason: Reason = choice(Reason, Reason.OTHER, required=True)
    granted: Value | None = value()  # of the dimension, in all
    expires_at: int = time()
    verified_at: int = time()
    stale: bool = boolean()
    subscription: str = text(64)
    combined: int = integer()
    subscribe_url: str = text(2000)
    error: str = text(64)  # of check_many() only: the code, if this question was bad
    message: str = text(1000)  # and its sentence

    def __bool__(self) -> bool:
        return self.allow


@dataclass(frozen=True, kw_only=True, slots=True)
class Entitlement:
    dimension: str = text(255, required=True)
    value: Value | None = value()
    expires_at: int = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The evidence of an end."""

    empty_at: int = time()
    empty_again_at: int = time()
    product_alive_at: int = time()
    notice: Notice | None = choice(Notice)
    notice_at: int = time()
    succeeded_at: int = time()
    listed_at: int = time()
    unproven: bool = boolean()
    held_at: int = time()
    accepted_at: int = time()
    refused_at: int = time()
    undecided_at: int = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One purchase of one product."""

    id: str = text(64, required=True)
    version: int = integer()
    seq: int = integer()
    product_code: str = text(255)
    account_id: str = text(255)
    customer_identifier: str = text(255)
    license_arn: str = text(1200)
    license_key: str = text(255)
    agreement_id: str = text(64)
    offer_id: str = text(255)
    predecessor: str = text(64)
    successor: str = text(64)
    tenant: str = text(255)
    aliases: tuple[str, ...] = texts(64)
    free_trial: bool = boolean()
    registered_at: int = time()
    entitlements: tuple[Entitlement, ...] = items(Entitlement, 1000)
    verified_at: int = time()
    evidence: Evidence | None = item(Evidence)
    payment_failed_at: int = time()
    created_at: int = time()
    updated_at: int = time()
    subscribed_at: int = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """An operator's answer, which outranks AWS's."""

    id: str = text(64)
    handle: str = text(1200, required=True)
    dimension: str = text(255)
    action: OverrideAction | None = choice(OverrideAction, required=True)
    value: Value | None = value()
    author: str = text(255)
    reason: str = text(1000)
    expires_at: int = time()
    created_at: int = time()
    seq: int = integer()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldEntitlement:
    """An entitlement and how it counts now."""

    dimension: str = text(255, required=True)
    value: Value | None = value()
    expires_at: int = time()
    counts: Counting = choice(Counting, Counting.OTHER, required=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A subscription as it stands now."""

    subscription: Subscription = item(Subscription, required=True)
    state: State = choice(State, State.OTHER, required=True)
    stale: bool = boolean()
    entitlements: tuple[HeldEntitlement, ...] = items(HeldEntitlement, 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entitlements:
    """The subscriptions of a handle, with the ended ones; `next`: there are more after this id."""

    holdings: tuple[Holding, ...] = items(Holding, 1000, required=True)
    overrides: tuple[Override, ...] = items(Override, 100000)
    incarnation: str = text(64)
    seq: int = integer()
    next: str = text(64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A running checker and how to reach it."""

    daemon: str = text(64, required=True)
    name: str = text(128, required=True)
    host: str = text(255)
    endpoints: tuple[str, ...] = texts(16)
    feeds: tuple[str, ...] = texts(16)
    public_key: str = text(64)
    since: int = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The spans by which answers are decided."""

    grace_ms: int = integer()
    settling_ms: int = integer()
    stale_after_ms: int = integer()
    hold_limit_ms: int = integer()
    successor_wait_ms: int = integer()
    end_confirm_delay_ms: int = integer()
    pending_limit_ms: int = integer()
    unannounced_end_delay_ms: int = integer()


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductPage:
    """A product and where to subscribe to it."""

    code: str = text(255, required=True)
    subscribe_url: str = text(2000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """The checker that answered, and the others that it knows."""

    daemon: str = text(64, required=True)
    version: str = text(64, required=True)
    instance: str = text(128, required=True)
    protocol_major: int = integer(required=True)
    protocol_minor: int = integer(required=True)
    ready: bool = boolean(required=True)
    incarnation: str = text(64)
    seq: int = integer()
    peers: tuple[Peer, ...] = items(Peer, 1000)
    policy: Policy | None = item(Policy)
    products: tuple[ProductPage, ...] = items(ProductPage, 1000)
    catching_up_since: int = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ping:
    """Alive: the checker's clock, UTC in milliseconds."""

    time_ms: int = integer(required=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    answers: tuple[Answer, ...] = items(Answer, 1000, required=True)
