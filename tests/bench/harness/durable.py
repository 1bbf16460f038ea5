"""Durable writes through the store, each acknowledged after its sync, against the same rows written
by Redis (append-only file, fsync always) and by Berkeley DB used bare."""
import shutil
import socket

from .measure import Row, alternate, best_layout, measures, need

IN_FLIGHT = 1000
GROUP = 256  # store.group_commit_limit's default
CACHE_MIB = 512
REDIS_LAYOUTS = [(50, 20), (100, 10), (10, 100), (1, 1000)]


class Numbers:
    """Requests are numbered; each side goes on where it was."""

    def __init__(self):
        self.next = 0

    def take(self, count):
        self.next += count
        return self.next - count


def compare_rows(ours, reference, kind):
    """Both sides wrote the same: as many rows in every table, and as many bytes, but for the seq in a
    journal entry, which is as long as it is."""
    for table, theirs in reference.items():
        mine = ours[table]
        need(mine["rows"] == theirs["rows"],
             f"{kind}: the store has {mine['rows']} rows in {table}, Berkeley DB {theirs['rows']}")
        need(abs(mine["bytes"] - theirs["bytes"]) <= 0.04 * theirs["bytes"],
             f"{kind}: the store has {mine['bytes']} bytes in {table}, Berkeley DB "
             f"{theirs['bytes']}")


def write_with_store(place, suite, scale, kind, count, numbers):
    return place.run("write", endpoint=suite.store, customers=scale.customers, kind=kind,
                     count=count, inflight=IN_FLIGHT, **{"from": numbers.take(count)})


def write_with_bdb(place, directory, scale, kind, count, numbers):
    return place.run("bdb", "write", directory=directory, customers=scale.customers, kind=kind,
                     count=count, group=GROUP, cache_mib=CACHE_MIB,
                     **{"from": numbers.take(count)})


def measure_against_bdb(place, scale, kind, count, row):
    store_directory = place.filled_store(scale.customers)
    bare_directory = place.work / place.new_name("bare")
    place.run("bdb", "load", directory=bare_directory, customers=scale.customers,
              cache_mib=CACHE_MIB)
    store_numbers, bare_numbers = Numbers(), Numbers()
    with place.suite(store=store_directory, cache_mib=CACHE_MIB) as suite:
        suite.start("store")
        for ours, reference in alternate(
                scale.rounds,
                lambda: write_with_store(place, suite, scale, kind, count, store_numbers),
                lambda: write_with_bdb(place, bare_directory, scale, kind, count, bare_numbers)):
            row.add(ours["rate"], reference["rate"])
            row.notes.setdefault("p50_us", []).append(ours["p50_us"])
    compare_rows(place.run("bdb", "rows", directory=store_directory),
                 place.run("bdb", "rows", directory=bare_directory), kind)
    row.notes.update(customers=scale.customers, group=GROUP)
    for directory in (store_directory, bare_directory):
        shutil.rmtree(directory)


def measure_against_redis(place, scale, kind, count, row):
    store_directory = place.filled_store(scale.customers)
    store_numbers, redis_numbers = Numbers(), Numbers()
    with place.redis(appendonly="yes", appendfsync="no") as redis, \
            place.suite(store=store_directory, cache_mib=CACHE_MIB) as suite:
        suite.start("store")
        place.run("redis", "rows", socket=redis, customers=scale.customers, pipeline=100)
        set_redis(redis, "appendfsync", "always")

        def write_with_redis(layout):
            return place.run("redis", "write", socket=redis, customers=scale.customers, kind=kind,
                             connections=layout[0], pipeline=layout[1], count=count,
                             **{"from": redis_numbers.take(count)})

        layout = best_layout(REDIS_LAYOUTS, write_with_redis)
        for ours, reference in alternate(
                scale.rounds,
                lambda: write_with_store(place, suite, scale, kind, count, store_numbers),
                lambda: write_with_redis(layout)):
            row.add(ours["rate"], reference["rate"])
    row.notes.update(customers=scale.customers,
                     redis_layout=f"{layout[0]} connections x {layout[1]}")
    shutil.rmtree(store_directory)


def set_redis(path, name, value):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(f"CONFIG SET {name} {value}\r\n".encode())
        answer = connection.recv(100)
    need(answer == b"+OK\r\n", f"redis-server: {answer}")


@measures(Row("update-bdb", "durable updates, 1,000 in flight", "Berkeley DB bare", "updates/s",
              at_least=0.75))
def update_bdb(place, scale, rows):
    measure_against_bdb(place, scale, "update", scale.updates, rows["update-bdb"])


@measures(Row("update-redis", "durable updates, 1,000 in flight", "Redis AOF always", "updates/s",
              at_least=2.5))
def update_redis(place, scale, rows):
    measure_against_redis(place, scale, "update", scale.updates, rows["update-redis"])


@measures(Row("insert-bdb", "durable inserts, 1,000 in flight", "Berkeley DB bare", "inserts/s",
              at_least=0.55))
def insert_bdb(place, scale, rows):
    measure_against_bdb(place, scale, "insert", scale.inserts, rows["insert-bdb"])


@measures(Row("insert-redis", "durable inserts, 1,000 in flight", "Redis AOF always", "inserts/s",
              at_least=1.2))
def insert_redis(place, scale, rows):
    measure_against_redis(place, scale, "insert", scale.inserts, rows["insert-redis"])
