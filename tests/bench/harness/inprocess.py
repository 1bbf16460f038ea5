"""Checks as function calls on a replica in the asking process."""
from .measure import Row, measures


def run(place, scale, customers):
    return place.run("inprocess", customers=customers, rounds=scale.rounds,
                     seconds=scale.seconds / 2, samples=int(scale.seconds * 1_000_000))


def add_chains(row, result):
    for ours, reference in result["chains"]:
        row.add(ours, reference)
    row.notes["customers"] = result["customers"]


@measures(
    Row("inprocess-10k", "in-process check, dependent chain, 10 thousand", "bare hash look-up",
        "ns", at_most=1.5))
def small(place, scale, rows):
    add_chains(rows["inprocess-10k"], run(place, scale, scale.small))


@measures(
    Row("inprocess-1m", "in-process check, dependent chain, 1 million", "bare hash look-up", "ns",
        at_most=1.3),
    Row("inprocess-p99", "in-process check, 1 million: p99", "limit of 1 us", "us", at_most=1),
    Row("inprocess-two", "in-process check, two threads, feed running", "one thread", "checks/s",
        at_least=1.8))
def million(place, scale, rows):
    result = run(place, scale, scale.million)
    if "inprocess-1m" in rows:
        add_chains(rows["inprocess-1m"], result)
    if "inprocess-p99" in rows:
        rows["inprocess-p99"].add(result["p99_us"], 1)
        rows["inprocess-p99"].notes.update(p50_us=result["p50_us"], p999_us=result["p999_us"])
    if "inprocess-two" in rows:
        for one, two in result["readers"]:
            rows["inprocess-two"].add(two, one)


@measures(
    Row("inprocess-10m", "in-process check, dependent chain, 10 million", "bare hash look-up",
        "ns", at_most=1.3),
    Row("memory", "memory per subscription at 10 million, after growth and updates",
        "limit of 200 bytes", "bytes", at_most=1))
def large(place, scale, rows):
    result = run(place, scale, scale.large)
    if "inprocess-10m" in rows:
        add_chains(rows["inprocess-10m"], result)
    if "memory" in rows:
        rows["memory"].add(result["bytes_updated"], 200)
        rows["memory"].notes.update(bytes_loaded=result["bytes_loaded"],
                                    customers=result["customers"])
