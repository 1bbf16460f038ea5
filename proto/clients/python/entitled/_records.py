"""The meaning of a record: its handles, its state and how its entitlements count (proto/record)."""
from __future__ import annotations

import re
from typing import NamedTuple

from ._messages import Counting, Entitlement, Evidence, Notice, Policy, State, Subscription

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
CLOCKS_DIFFER_S = 300
DEFAULT_POLICY = Policy(grace_ms=72 * HOUR_MS, settling_ms=HOUR_MS, stale_after_ms=12 * HOUR_MS,
                        hold_limit_ms=14 * DAY_MS, successor_wait_ms=3 * DAY_MS,
                        end_confirm_delay_ms=60 * 1000, pending_limit_ms=30 * DAY_MS,
                        unannounced_end_delay_ms=HOUR_MS)

_NOTHING = Evidence()
_LICENSE_KEY = re.compile(r"l-[0-9A-Za-z-]{1,253}", re.ASCII)


def license_key(license: str) -> str:
    """The trailing l-... of a licence in any spelling; empty if there is none."""
    before, colon, last = license.strip(" \t\r\n").rpartition(":")
    if colon and ":license-manager:" not in before + colon:
        return ""
    return last if _LICENSE_KEY.fullmatch(last) else ""


def same_handle(a: str, b: str) -> bool:
    return (license_key(a) or a) == (license_key(b) or b)


def has_id(record: Subscription, id: str) -> bool:
    return id != "" and (id == record.id or id in record.aliases)


def has_handle(record: Subscription, handle: str) -> bool:
    key = license_key(handle)
    if key and key == record.license_key:
        return True
    return handle != "" and (has_id(record, handle) or handle in (
        record.tenant, record.account_id, record.customer_identifier, record.license_arn))


class Rules(NamedTuple):
    """The spans, in seconds, and the time."""

    grace_s: int
    settling_s: int
    stale_after_s: int
    hold_limit_s: int
    successor_wait_s: int
    now_s: int

    @classmethod
    def of(cls, policy: Policy, now_s: int) -> Rules:
        return cls(policy.grace_ms // 1000, policy.settling_ms // 1000, policy.stale_after_ms // 1000,
                   policy.hold_limit_ms // 1000, policy.successor_wait_ms // 1000, now_s)


def _evidence(record: Subscription) -> Evidence:
    return record.evidence or _NOTHING


def _dates_explain(record: Subscription) -> bool:
    return bool(record.entitlements) and all(
        0 != one.expires_at <= record.verified_at for one in record.entitlements)


def _end_is_explained(record: Subscription) -> bool:
    evidence = _evidence(record)
    lists_others = evidence.product_alive_at != 0 == evidence.held_at == evidence.refused_at
    return (lists_others or evidence.notice is not None or evidence.accepted_at != 0 or
            not evidence.unproven and _dates_explain(record))


def _awaits_successor(record: Subscription, rules: Rules) -> bool:
    evidence = _evidence(record)
    return (evidence.succeeded_at != 0 == evidence.accepted_at and
            rules.now_s < evidence.succeeded_at + rules.successor_wait_s)


def _is_cancelled(record: Subscription) -> bool:
    return _evidence(record).notice not in (None, Notice.DEPROVISIONED)


def _is_undecided(record: Subscription, rules: Rules) -> bool:
    """A new licence renews it or another; AWS has not said which."""
    evidence = _evidence(record)
    return (evidence.undecided_at != 0 == evidence.accepted_at and not record.successor and
            not _is_cancelled(record) and
            rules.now_s < evidence.undecided_at + rules.successor_wait_s)


def _goes_on(record: Subscription, rules: Rules) -> bool:
    return _awaits_successor(record, rules) or _is_undecided(record, rules)


def _has_ended(record: Subscription, rules: Rules) -> bool:
    evidence = _evidence(record)
    was_granted = bool(record.entitlements)
    if evidence.accepted_at != 0:
        return was_granted
    if evidence.empty_at == 0 or _goes_on(record, rules):
        return False
    if not was_granted and evidence.notice is None:
        return False
    if evidence.empty_again_at != 0 and _end_is_explained(record):
        return True
    held_since = max(evidence.empty_at, evidence.held_at, evidence.refused_at)
    return was_granted and rules.now_s >= held_since + rules.hold_limit_s


def time_is_ahead(time_s: int, rules: Rules) -> bool:
    """Whether it was stamped by a clock that was ahead of this one."""
    return time_s > rules.now_s + CLOCKS_DIFFER_S


def is_stale(verified_at: int, limit_s: int, rules: Rules) -> bool:
    return time_is_ahead(verified_at, rules) or rules.now_s - verified_at > limit_s


def _dates_verified_at(record: Subscription, rules: Rules) -> int:
    evidence = _evidence(record)
    at_s = evidence.listed_at if evidence.unproven else record.verified_at
    return 0 if time_is_ahead(at_s, rules) else at_s


def _counting_by_date(record: Subscription, date: int, rules: Rules) -> Counting:
    if date == 0 or rules.now_s < date:
        return Counting.YES
    if _dates_verified_at(record, rules) >= date + rules.settling_s:
        return Counting.EXPIRED
    return Counting.GRACE if rules.now_s < date + rules.grace_s else Counting.UNVERIFIED


def counting_of(record: Subscription, entitlement: Entitlement, rules: Rules) -> Counting:
    counting = _counting_by_date(record, entitlement.expires_at, rules)
    if _has_ended(record, rules):
        return Counting.ENDED
    if counting != Counting.YES and _goes_on(record, rules):
        return Counting.HELD
    if counting in (Counting.EXPIRED, Counting.UNVERIFIED):
        return counting
    return Counting.HELD if _evidence(record).empty_at != 0 else counting


def own_state(record: Subscription, rules: Rules) -> State:
    """As if it had no successor."""
    if _has_ended(record, rules):
        return State.ENDED
    if not record.entitlements:
        return State.PAYMENT_FAILED if record.payment_failed_at != 0 else State.PENDING
    return State.HELD if _evidence(record).empty_again_at != 0 else State.ACTIVE
