"""What a checker answers over its socket, against the bare transport and against Redis."""
import contextlib

from .idle import pss_bytes
from .measure import Row, alternate, best_layout, measures, need

IN_FLIGHT = 1000

# Connections and pipeline: with one request outstanding to a thousand.
GET_LAYOUTS = [(62, 16), (32, 16), (8, 16), (1, 16)]
MGET_LAYOUTS = [(1, 16), (2, 8), (4, 4), (16, 1)]


def load(place, endpoint, customers, seconds, **options):
    return place.run("load", endpoint=endpoint, customers=customers, seconds=seconds, **options)


@contextlib.contextmanager
def echo(place):
    endpoint = f"ipc://{place.sockets}/{place.new_name('echo')}"
    with place.background("echo", endpoint=endpoint):
        yield endpoint


@measures(
    Row("latency", "check, one at a time: latency p50", "bare echo", "us", at_most=1.05),
    Row("rate-one", "check, 1,000 in flight, one client", "bare echo", "checks/s", at_least=0.95),
    Row("rate-four", "check, 1,000 in flight, four clients", "bare echo", "checks/s",
        at_least=0.85))
def against_echo(place, scale, rows):
    with place.suite() as suite, suite.source(scale.customers), echo(place) as echo_endpoint:
        def ask_checker(**options):
            return load(place, suite.checker(), scale.customers, scale.seconds, **options)

        def ask_echo(**options):
            return load(place, echo_endpoint, scale.customers, scale.seconds, always=0, **options)

        layouts = {"latency": {"inflight": 1, "latency": 1}, "rate-one": {"inflight": IN_FLIGHT},
                   "rate-four": {"inflight": IN_FLIGHT // 4, "clients": 4}}
        for name, row in rows.items():
            for ours, reference in alternate(scale.rounds, lambda: ask_checker(**layouts[name]),
                                             lambda: ask_echo(**layouts[name])):
                need(ours["reply_bytes"] == reference["reply_bytes"],
                     f"the echo sends {reference['reply_bytes']} bytes, a check "
                     f"{ours['reply_bytes']}")
                figure = "p50_us" if name == "latency" else "rate"
                row.add(ours[figure], reference[figure])
                row.notes.setdefault("p99_us", []).append([ours["p99_us"], reference["p99_us"]])
            row.notes["customers"] = scale.customers
            row.notes["reply_bytes"] = ours["reply_bytes"]


@measures(
    Row("rate-redis", "check, 1,000 in flight, one client", "Redis GET, pipeline of 16",
        "checks/s", at_least=1.5),
    Row("many-redis", "check_many of 32, 16 in flight", "Redis MGET of 32, 16 in flight", "keys/s",
        at_least=2))
def against_redis(place, scale, rows):
    with place.suite() as suite, suite.source(scale.customers), place.redis() as redis:
        def ask_redis(verb, layout, **options):
            return place.run("redis", verb, socket=redis, customers=scale.customers,
                             connections=layout[0], pipeline=layout[1], seconds=scale.seconds,
                             **options)

        def ask_checker(**options):
            return load(place, suite.checker(), scale.customers, scale.seconds, **options)

        place.run("redis", "fill", socket=redis, customers=scale.customers, pipeline=100)
        sides = {
            "rate-redis": (lambda: ask_checker(inflight=IN_FLIGHT),
                           lambda layout: ask_redis("get", layout), GET_LAYOUTS),
            "many-redis": (lambda: ask_checker(inflight=16, many=32),
                           lambda layout: ask_redis("mget", layout, many=32), MGET_LAYOUTS),
        }
        for name, row in rows.items():
            ours, reference, layouts = sides[name]
            layout = best_layout(layouts, reference)
            row.notes["redis_layout"] = f"{layout[0]} connections x {layout[1]}"
            row.notes["customers"] = scale.customers
            for ours_result, reference_result in alternate(scale.rounds, ours,
                                                           lambda: reference(layout)):
                row.add(ours_result["keys_per_s"], reference_result["keys_per_s"])


@measures(
    Row("rate-large", "check rate at 10 million subscriptions", "at 10 thousand", "checks/s",
        at_least=0.9))
def large_against_small(place, scale, rows):
    row = rows["rate-large"]
    with place.suite() as large, large.source(scale.large), \
            place.suite() as small, small.source(scale.small):
        def ask(suite, customers):
            return load(place, suite.checker(), customers, scale.seconds, inflight=IN_FLIGHT)["rate"]

        for pair in alternate(scale.rounds, lambda: ask(large, scale.large),
                              lambda: ask(small, scale.small)):
            row.add(*pair)
        row.notes["checker_bytes_per_subscription"] = round(
            pss_bytes(large.processes["checker-1"].popen.pid) / scale.large, 1)
    row.notes["customers"] = [scale.large, scale.small]


def curve(place, scale):
    """Rate and latency against the number of subscriptions, for the plot."""
    points = []
    for customers in scale.curve:
        with place.suite() as suite, suite.source(customers):
            rates, latencies = [], []
            for _ in range(scale.rounds):
                rates.append(load(place, suite.checker(), customers, scale.seconds,
                                  inflight=IN_FLIGHT)["rate"])
                one = load(place, suite.checker(), customers, scale.seconds, inflight=1, latency=1)
                latencies.append([one["p50_us"], one["p99_us"]])
        points.append({"customers": customers, "rates": rates, "latencies_us": latencies})
    return points
