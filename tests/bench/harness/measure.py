"""Rows, and how their ratios are made.

A row compares ours with a reference that is measured alternately in the same run (A B A B ...), pair
by pair, and shows the least, the median and the greatest ratio. Where the reach is a plain limit, the
limit is the reference.
"""
import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    name: str
    title: str
    against: str
    unit: str
    at_least: float = None  # the ratio to reach, for rows where more is better
    at_most: float = None  # likewise, where less is better
    ours: list = dataclasses.field(default_factory=list)
    reference: list = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)
    failure: str = None

    def add(self, ours, reference):
        self.ours.append(ours)
        self.reference.append(reference)

    @property
    def ratios(self):
        return [a / b for a, b in zip(self.ours, self.reference)]

    @property
    def median(self):
        return statistics.median(self.ratios)

    @property
    def reached(self):
        if self.at_least is not None:
            return self.median >= self.at_least
        return self.median <= self.at_most

    @property
    def reach(self):
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"

    def as_json(self):
        fields = dataclasses.asdict(self)
        if self.ratios:
            fields |= {"ratio_min": min(self.ratios), "ratio_median": self.median,
                       "ratio_max": max(self.ratios), "reached": self.reached}
        return fields


class Wrong(Exception):
    """A side did not do its work: an answer was wrong, or the two sides did different work."""


def need(condition, what):
    if not condition:
        raise Wrong(what)


def alternate(rounds, ours, reference):
    """Pairs of results, measured one after the other."""
    for _ in range(rounds):
        yield ours(), reference()


def best_layout(layouts, run):
    """The layout that gives the highest rate, tried once each: the reference's best."""
    return max(layouts, key=lambda layout: run(layout)["rate"])


@dataclasses.dataclass
class Scale:
    """How much is measured. `quick` only shows that every row runs and every answer is right."""
    rounds: int
    seconds: float
    customers: int  # of most rows
    small: int
    million: int
    large: int  # "10 million", as far as memory goes
    updates: int
    inserts: int
    notices: int
    idle_seconds: float
    curve: list

    @staticmethod
    def full(memory_bytes):
        # 168 bytes a record when compact, a kilobyte when not: a machine that cannot hold ten
        # million shows what it can, and the title says how many.
        large = 10_000_000
        while large * 1400 > memory_bytes and large > 1_000_000:
            large -= 1_000_000
        return Scale(rounds=5, seconds=2, customers=100_000, small=10_000, million=1_000_000,
                     large=large, updates=100_000, inserts=50_000, notices=3000, idle_seconds=20,
                     curve=[10_000, 100_000, 1_000_000, large])

    @staticmethod
    def quick():
        return Scale(rounds=1, seconds=0.1, customers=2000, small=1000, million=3000, large=4000,
                     updates=1000, inserts=500, notices=20, idle_seconds=0.5, curve=[])


class Measurement:
    """One function that fills several rows, because they share what must be set up."""

    def __init__(self, rows, function):
        self.rows = rows
        self.function = function


MEASUREMENTS = []


def measures(*rows):
    """Declares the rows that the function below fills: function(place, scale, {name: row})."""
    def register(function):
        MEASUREMENTS.append(Measurement(rows, function))
        return function
    return register
