"""Instructions of one operation, counted by callgrind, and which part of the suite they are in."""
import collections
import pathlib
import re
import subprocess

from tests.support.process import BIN, Process

from .measure import need
from .place import command

ROOT = pathlib.Path(__file__).resolve().parents[3]

# The first whose words are in a line's file or, for libraries, in its object's name. Reading and writing
# share files: their functions' names tell.
WRITES = re.compile(r"(codec_)?(write|put|pack)_")
PARTS = [
    ("messages", ("proto/codec/", "proto/message")),
    ("packing records", ("proto/replica/pack", "proto/replica/words")),
    ("index and blocks", ("proto/replica/index", "proto/replica/slabs", "proto/replica/collection",
                          "proto/replica/order", "proto/replica/epoch")),
    ("look-up", ("proto/replica/", "services/checker/", "proto/record/")),
    ("decision", ("proto/decide/",)),
    ("requests and replies", ("proto/endpoint/",)),
    ("texts, buffers, memory", ("common/base/",)),
    ("the questions themselves", ("tests/bench/", "tests/support/")),
    ("libzmq", ("libzmq",)),
    ("libc", ("libc.", "ld-linux", "libm.")),
]


class Profile:
    """What one thread did: instructions by (object, file, function), and calls by function."""

    def __init__(self, path):
        self.own = collections.Counter()
        self.calls = collections.Counter()
        names, place, called = {}, {"ob": "", "fl": "", "fn": ""}, None
        after_call = False
        for line in pathlib.Path(path).read_text(errors="replace").splitlines():
            named = re.match(r"(c?)(ob|fl|fi|fe|fn)=\((\d+)\)(?: (.*))?$", line)
            if named:
                by_callee, kind, number, text = named.groups()
                group = "file" if kind in ("fl", "fi", "fe") else kind
                if text is not None:
                    names[group, number] = text
                if not by_callee:
                    place["fl" if group == "file" else kind] = names[group, number]
                elif kind == "fn":
                    called = names[group, number]
            elif line.startswith("calls="):
                self.calls[called] += int(line.split("=")[1].split()[0])
                after_call = True
            elif re.match(r"[-+*0-9]\S* \d", line):
                # The line after a call tells what the called function cost.
                if not after_call:
                    self.own[place["ob"], place["fl"], place["fn"]] += int(line.split()[1])
                after_call = False

    @property
    def total(self):
        return self.own.total()

    def has(self, function):
        return any(name == function for _, _, name in self.own)

    def minus(self, other):
        self.own.subtract(other.own)
        self.calls.subtract(other.calls)
        return self


def part_of(library, file, function):
    for name, words in PARTS:
        if any(word in file or ("lib" in word or "ld-" in word) and word in pathlib.Path(library).name
               for word in words):
            if name == "messages":
                return "writing messages" if WRITES.match(function) else "reading messages"
            return name
    return "rest"


class Figure:
    def __init__(self, title, profile, count):
        need(count > 0, f"{title}: nothing was counted")
        self.title, self.count = title, count
        self.each = profile.total / count
        self.parts, self.functions = collections.Counter(), collections.Counter()
        for (library, file, function), own in profile.own.items():
            self.parts[part_of(library, file, function)] += own / count
            self.functions[function] += own / count

    def text(self, functions):
        lines = [f"{self.title}: {self.each:,.0f} instructions ({self.count:,} counted)"]
        shown = self.parts.most_common() + self.functions.most_common(functions)
        return "\n".join(lines + [f"  {own:10,.1f}  {own / self.each:6.1%}  {name}" for name, own in shown])

    def as_json(self):
        return {"title": self.title, "count": self.count, "instructions": self.each, "parts": self.parts}


def callgrind(place, *options):
    """A prefix that counts, and where its files go: one for each thread."""
    output = place.work / place.new_name("callgrind")
    return ["valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes",
            f"--callgrind-out-file={output}", *options], output


def profile_of(output, function):
    """Of the thread that ran the function, over all files that were written of it."""
    for path in sorted(output.parent.glob(f"{output.name}*")):
        profile = Profile(path)
        if profile.has(function):
            return profile
    raise AssertionError(f"no thread ran {function}")


def checker_under_callgrind(place, suite, *options):
    prefix, output = callgrind(place, *options)
    program = [*prefix, BIN / "entitled-checker", "--config", suite.config, "--name", "1"]
    process = Process("checker-1", ["entitled-checker"], suite.directory / "checker-1.log")
    process.arguments = [str(word) for word in program]
    suite.processes["checker-1"] = process
    return process, output


def check(place, options):
    with place.suite() as suite:
        process, output = checker_under_callgrind(place, suite)
        with suite.source(options.customers):
            subprocess.run(["callgrind_control", "--zero", str(process.popen.pid)], check=True,
                           capture_output=True)
            place.run("load", endpoint=suite.checker(), customers=options.customers, clients=1,
                      inflight=1000, seconds=options.seconds, warm_up=0)
            process.stop()
        profile = profile_of(output, "on_check")
    return Figure("a check over the socket", profile, profile.calls["on_check"])


def start(place, options):
    def profile_with(customers):
        with place.suite() as suite:
            process, output = checker_under_callgrind(place, suite)
            with suite.source(customers):
                process.stop()
            return profile_of(output, "on_chunk")

    # What does not depend on the number of records falls away.
    few = profile_with(options.customers)
    many = profile_with(2 * options.customers)
    return Figure("a record of a checker's start", many.minus(few), options.customers)


def in_process(place, options):
    steps = 20 * options.customers
    prefix, output = callgrind(place, "--toggle-collect=chain_of_steps")
    subprocess.run([*prefix, *command("inprocess", [], {"customers": options.customers, "steps": steps})],
                   check=True, capture_output=True)
    return Figure("a check in process", profile_of(output, "chain_of_steps"), steps)


FIGURES = {"check": check, "start": start, "inprocess": in_process}
