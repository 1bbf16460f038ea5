"""What the whole suite takes while nothing happens."""
import contextlib
import os
import pathlib
import re
import time

from tests.support.sandbox import Sandbox

from .measure import Row, measures

MIB = 1024 * 1024


def pss_bytes(pid):
    """Proportional: a page shared by n processes counts 1/n."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@measures(
    Row("idle-memory", "six daemons idle, 10 thousand subscriptions: memory (PSS)",
        "limit of 48 MiB", "MiB", at_most=1),
    Row("idle-cpu", "six daemons idle, 10 thousand subscriptions: processor",
        "limit of 0.5 % of a core", "% of a core", at_most=1))
def idle(place, scale, rows):
    directory = place.work / place.new_name("idle")
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(directory))
        suite = stack.enter_context(place.suite(store=place.filled_store(scale.small),
                                                aws=sandbox.url, cache_mib=64))
        suite.start("store")
        for name in ("1", "2"):
            suite.start_checker(name)
        suite.start("registrar")
        suite.start("poller")
        pids = [process.popen.pid for process in suite.processes.values()]
        pids.append(sandbox.process.popen.pid)
        names = [*suite.processes, "sandbox"]
        for _ in range(scale.rounds):
            before = [cpu_seconds(pid) for pid in pids]
            began = time.monotonic()
            time.sleep(scale.idle_seconds)
            took = time.monotonic() - began
            cpu = [100 * (cpu_seconds(pid) - used) / took for pid, used in zip(pids, before)]
            memory = [pss_bytes(pid) / MIB for pid in pids]
            if "idle-memory" in rows:
                rows["idle-memory"].add(sum(memory), 48)
                rows["idle-memory"].notes["by_daemon"] = by_name(names, memory)
            if "idle-cpu" in rows:
                rows["idle-cpu"].add(sum(cpu), 0.5)
                rows["idle-cpu"].notes["by_daemon"] = by_name(names, cpu)


def by_name(names, figures):
    return {name: round(figure, 2) for name, figure in zip(names, figures)}
