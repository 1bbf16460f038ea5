"""What AWS Marketplace sold one account of one listing, and what may therefore be answered.

Written from the documents alone (docs/architecture.md, docs/security.md, decision 0012), not from the code
that it judges.
"""
import dataclasses

SUCCEEDED = ("RENEWED", "REPLACED")


@dataclasses.dataclass(eq=False)
class Deal:
    """A licence (or, for a legacy listing, an agreement) as AWS has it."""
    agreement: str
    license: str
    own_handle: str            # leads to it alone: its licence, or the identifier of a legacy listing
    seats: int
    begun_s: float             # when this agreement was made
    tenant: str = ""           # the vendor's own id, linked when the buyer registered
    status: str = "ACTIVE"
    successor: "Deal" = None
    names_predecessor: bool = False  # its Created event does, and the suite may learn that it is of this licence
    told: set = dataclasses.field(default_factory=set)    # the notices of it that the suite was given
    served: set = dataclasses.field(default_factory=set)  # the checkers that have allowed it
    highest: int = 0           # the most that it ever granted

    def __post_init__(self):
        self.highest = self.seats

    @property
    def live(self):
        return self.status == "ACTIVE"

    def handles(self):
        return [handle for handle in (self.own_handle, self.tenant) if handle]

    def heirs(self):
        """Whatever renewals and replacements led to, one after the other."""
        return [self.successor, *self.successor.heirs()] if self.successor else []

    def resized(self, seats):
        self.seats = seats
        self.highest = max(self.highest, seats)

    def __str__(self):
        return f"{self.agreement[:14]} ...{self.license[-6:]} {self.seats} seats {self.status} " \
               f"tenant {self.tenant or '-'} told {' '.join(sorted(self.told)) or '-'}"


@dataclasses.dataclass
class Bounds:
    """What may be granted at rest: one of `exactly`, or with reason held at most `held`."""
    exactly: set
    held: int = 0

    def allow(self, granted, reason):
        return granted in self.exactly or (reason == "held" and granted <= self.held)


class Account:
    """All deals of one account for one listing, in the order in which they were made."""

    def __init__(self, kind):
        self.kind = kind  # "new", "legacy", or "concurrent": a legacy listing whose rows show licences
        self.deals = []

    def live(self):
        return [deal for deal in self.deals if deal.live]

    def total(self):
        return sum(deal.seats for deal in self.live())

    def _succession_is_said(self, deal):
        """AWS's events name the successor of this deal, and the licences of both."""
        heir = deal.successor
        return self.kind == "new" and heir.names_predecessor and \
            {"created", "updated"} <= heir.told and "updated" in deal.told

    def _end_is_said(self, deal):
        return self.kind == "new" and {"ended", "updated"} <= deal.told

    def _could_be_renewals(self):
        """Live deals that nobody registered: without AWS's word each may be another one's renewal."""
        return [deal for deal in self.deals if deal.live and not deal.tenant]

    def _held_by_guess(self, deal):
        """Undecided, each is held as it was last; also one that ended and may have been this one's renewal."""
        return max([deal.highest, *(other.highest for other in self.deals
                                    if not other.live and not other.tenant and not self._is_settled(other))])

    def bounds_of(self, deal):
        """For handles that lead to this deal alone: its licence, its tenant."""
        if deal.live:
            return Bounds({deal.seats})
        if deal.status in SUCCEEDED:
            return self._bounds_of_succeeded(deal)
        if self._end_is_said(deal):
            return Bounds({0})
        guesses = self._could_be_renewals()
        return Bounds({0} | {guess.seats for guess in guesses}, self._held_by_guess(deal) if guesses else 0)

    def _bounds_of_succeeded(self, deal):
        bounds = self.bounds_of(deal.successor)
        if self._succession_is_said(deal):
            return bounds
        guesses = {guess.seats for guess in self._could_be_renewals()}
        bounds = Bounds(bounds.exactly | guesses, max(bounds.held, self._held_by_guess(deal)))
        if any(heir.tenant for heir in deal.heirs()):
            # Somebody registered one of them for itself, and AWS has not said whose it is.
            bounds.exactly.add(0)
        return bounds

    def bounds_of_account(self):
        """For the account and the customer identifier: all live deals, and beside them what is held."""
        unsaid = [deal for deal in self.deals if not deal.live and not self._is_settled(deal)]
        total = self.total()
        return Bounds({total}, total + sum(deal.highest for deal in unsaid) if unsaid else 0)

    def _is_settled(self, deal):
        if deal.status in SUCCEEDED:
            return self._succession_is_said(deal)
        return self._end_is_said(deal) or not self._could_be_renewals()

    def must_serve(self, deal):
        """At any moment: whoever was served for this deal still is."""
        while not deal.live:
            if deal.status not in SUCCEEDED:
                return False
            said = self._succession_is_said(deal)
            # A licence that AWS says is gone, of an agreement of whose renewal it has not spoken, may end.
            if not said and (deal.successor.tenant or
                             ("deprovisioned" in deal.told and not self._end_is_said(deal))):
                return False
            deal = deal.successor
        return True
