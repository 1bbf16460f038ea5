"""How soon a process serves again."""
import json
import random
import shutil
import subprocess
import time

from tests.support.rpc import Client

from .measure import Row, alternate, measures, need
from .place import command

CACHE_MIB = 2048


def counters(endpoint):
    client = Client(endpoint)
    try:
        return {counter["name"]: counter["value"] for counter in client.call("stats")["counters"]}
    finally:
        client.close()


@measures(
    Row("cold-start", "cold start of a checker, 1 million subscriptions",
        "Berkeley DB bulk read of the same records, cache warm on both sides", "s", at_most=2),
    Row("cold-start-empty", "cold start of a checker, 1 million subscriptions",
        "Berkeley DB bulk read of the same records, cache empty on both sides", "s", at_most=2),
    Row("cold-start-limit", "cold start of a checker, 1 million subscriptions", "limit of 1 s", "s",
        at_most=1))
def cold_start(place, scale, rows):
    directory = place.filled_store(scale.million)
    copy = place.copy_of(directory)
    with place.suite(store=directory, cache_mib=CACHE_MIB) as suite:
        store = suite.start("store")

        def start_checker():
            began = time.monotonic()
            suite.start_checker()
            took = time.monotonic() - began
            held = counters(suite.checker()).get("entitled_replica_subscriptions")
            need(held == scale.million, f"the checker holds {held} of {scale.million}")
            suite.processes["checker-1"].stop()
            return took

        def start_checker_after_store():
            store.stop()
            store.start()
            return start_checker()

        def read_in_bulk(figure):
            read = place.run("bdb", "scan", directory=copy, cache_mib=CACHE_MIB)
            need(read["records"] == scale.million, f"Berkeley DB read {read['records']} records")
            return read[figure]

        # The store's cache is as full at the end of this as it is in service.
        if "cold-start-empty" in rows:
            for ours, reference in alternate(scale.rounds, start_checker_after_store,
                                             lambda: read_in_bulk("filling_seconds")):
                rows["cold-start-empty"].add(ours, reference)
        else:
            start_checker()
        if "cold-start" in rows or "cold-start-limit" in rows:
            for ours, reference in alternate(scale.rounds, start_checker,
                                             lambda: read_in_bulk("seconds")):
                if "cold-start" in rows:
                    rows["cold-start"].add(ours, reference)
                if "cold-start-limit" in rows:
                    rows["cold-start-limit"].add(ours, 1)
    for row in rows.values():
        row.notes["customers"] = scale.million
    for each in (directory, copy):
        shutil.rmtree(each)


@measures(Row("restart", "store after SIGKILL under write load, 1 million subscriptions: serving",
              "limit of 2 s", "s", at_most=1))
def restart(place, scale, rows):
    row = rows["restart"]
    directory = place.filled_store(scale.million)
    done = 0
    with place.suite(store=directory) as suite:
        store = suite.start("store")
        for _ in range(scale.rounds):
            acknowledged = kill_under_load(place, suite, store, scale, done)
            began = time.monotonic()
            store.start(wait=False).wait_ready(600)
            client = Client(suite.store)
            client.call("ping")
            row.add(time.monotonic() - began, 2)
            client.close()
            if acknowledged > 0:
                place.run("write", endpoint=suite.store, customers=scale.million, kind="update",
                          count=acknowledged, verify=1, **{"from": done})
            # What was not acknowledged may be there or not: those numbers are not used again.
            done += acknowledged + 2000
            row.notes.setdefault("acknowledged", []).append(acknowledged)
    row.notes["customers"] = scale.million
    shutil.rmtree(directory)


def kill_under_load(place, suite, store, scale, done):
    """Kills the store while a thousand writes are in flight; how many it had acknowledged."""
    count = min(scale.million - done, 20 * scale.updates)
    writer = subprocess.Popen(
        command("write", [], {"endpoint": suite.store, "customers": scale.million,
                              "kind": "update", "from": done, "count": count, "until-lost": 1}),
        stdout=subprocess.PIPE, text=True)
    time.sleep(scale.seconds * (1 + random.random()))
    store.kill()
    output, _ = writer.communicate(timeout=60)
    need(writer.returncode == 0, "the writer failed")
    return json.loads(output)["acknowledged"]
