"""Where the benchmarks run: a directory of their own, the daemons, and the programs of this folder."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from tests.support.place import aws_at, settings
from tests.support.process import BIN, Process
from tests.support.rpc import Client
from tests.support.sandbox import ACCESS_KEY, SECRET_KEY

from .measure import Wrong, need

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = BIN.parent / "bench"
PRODUCT = "4exampleproductcode0000001"
NOWHERE = "http://127.0.0.1:9"  # of AWS, where a row has none


def tail(path, lines=20):
    return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])


class Place:
    """Closing it ends every process that was started here and removes the directory."""

    def __init__(self, keep_data):
        # Sockets' names must stay below 108 bytes; what is measured on disk is on the tree's disk.
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="entitled-bench-"))
        self.disk = ROOT / "build" / "bench"
        self.disk.mkdir(parents=True, exist_ok=True)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=self.disk))
        self.keep_data = keep_data
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)

    def new_name(self, kind):
        self.count += 1
        return f"{kind}-{self.count}"

    # Programs of this folder.

    def run(self, program, *arguments, environment=None, **options):
        """Runs it to its end: the JSON it prints. Options become --name value."""
        done = subprocess.run(command(program, arguments, options), capture_output=True, text=True,
                              errors="replace", timeout=900, env={**os.environ, **(environment or {})})
        if done.returncode != 0:
            raise Wrong(f"bench_{program} {' '.join(map(str, arguments))}: {done.stderr.strip()} "
                        f"{done.stdout.strip()}")
        result = json.loads(done.stdout)
        need(result.get("wrong", 0) == 0, f"bench_{program}: {result.get('wrong')} answers are wrong")
        return result

    @contextlib.contextmanager
    def background(self, program, *arguments, **options):
        """A program that says "ready" and serves until it is stopped."""
        log = self.work / f"{self.new_name(program)}.log"
        with log.open("wb") as errors:
            popen = subprocess.Popen(command(program, arguments, options), stdout=subprocess.PIPE,
                                     stderr=errors)
        try:
            need(popen.stdout.readline() == b"ready\n", f"bench_{program}: {tail(log)}")
            yield popen
        finally:
            end(popen)

    # Daemons.

    def suite(self, name=None, store=None, aws=NOWHERE, cache_mib=512, calls=8, receives=2):
        """A settings file and its directories; see Suite."""
        return Suite(self, name or self.new_name("suite"), store, aws, cache_mib, calls, receives)

    @contextlib.contextmanager
    def redis(self, **settings):
        """Debian's redis-server on a unix socket, without snapshots."""
        directory = self.work / self.new_name("redis")
        directory.mkdir()
        path = self.sockets / f"{directory.name}.sock"
        options = {"port": 0, "unixsocket": path, "dir": directory, "save": "", "daemonize": "no",
                   "appendonly": "no", "auto-aof-rewrite-percentage": 0, **settings}
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        log = directory / "log"
        with log.open("wb") as output:
            popen = subprocess.Popen(["redis-server", *arguments], stdout=output, stderr=output)
        try:
            wait_for_socket(path, popen, log)
            yield path
        finally:
            end(popen)
            shutil.rmtree(directory)

    # Data that takes long to make is kept between runs.

    def filled_store(self, customers):
        """A store's directory with so many customers, a copy of its own."""
        kept = self.disk / f"store-{customers}"
        if not kept.exists():
            made = self.work / self.new_name("filling")
            self.run("fill", directory=made, customers=customers)
            made.rename(kept)
        copy = self.copy_of(kept)
        if not self.keep_data:
            shutil.rmtree(kept)
        return copy

    def copy_of(self, directory):
        copy = self.work / self.new_name("data")
        subprocess.run(["cp", "-r", "--reflink=auto", directory, copy], check=True)
        return copy


class Suite:
    """Daemons over one settings file. They are started by name and stop with the `with` block."""

    def __init__(self, place, name, store, aws, cache_mib, calls, receives):
        self.place = place
        self.run = place.sockets / name
        for directory in ("public", "private"):
            (self.run / directory).mkdir(parents=True)
        self.directory = place.work / name
        self.directory.mkdir()
        self.store_directory = store or self.directory / "store"
        self.config = self.directory / "entitled.conf"
        self.config.write_text(settings(
            aws_at(aws, ACCESS_KEY, SECRET_KEY),
            {"entitled": {"run_directory": self.run, "log_level": "warning", "end_confirm_delay": "1s",
                          "unannounced_end_delay": "1s"},
             "store": {"directory": self.store_directory, "cache_size": f"{cache_mib}M",
                       "quota_per_second": 1000},
             "checker": {"max_concurrent_calls": calls},
             "registrar": {"port": 0, "public_url": "http://127.0.0.1/", "vendor_name": "Vendor"},
             "poller": {"receives_in_flight": receives},
             "queue main": {"url": f"{aws}/444455556666/mp-events"},
             "product new": {"code": PRODUCT, "name": "Example Product"}}))
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(list(self.processes.values())):
            if process.popen is not None:
                process.stop()

    def start(self, daemon, name="1", wait=True):
        """`checker`, `store`, ...; ready when this returns."""
        key = f"{daemon}-{name}"
        if key not in self.processes:
            self.processes[key] = Process(
                key, [f"entitled-{daemon}", "--config", self.config, "--name", name],
                self.directory / f"{key}.log")
        return self.processes[key].start(wait)

    def start_checker(self, name="1", timeout_s=900):
        """Ready here means that it answers questions: its replica is complete."""
        self.start("checker", name, wait=False)
        client = Client(self.checker(name))
        try:
            deadline = time.monotonic() + timeout_s
            while not client.call("describe")["ready"]:
                need(time.monotonic() < deadline and self.processes[f"checker-{name}"].alive(),
                     self.processes[f"checker-{name}"].tail())
                time.sleep(0.002)
        finally:
            client.close()

    @property
    def store(self):
        return f"ipc://{self.run}/private/store.rpc"

    def checker(self, name="1"):
        return f"ipc://{self.run}/public/checker-{name}.query"

    def feed(self, name="1"):
        return f"ipc://{self.run}/public/checker-{name}.feed"

    @contextlib.contextmanager
    def source(self, customers, updates_per_second=0):
        """A checker whose records are made up by bench_source instead of a store."""
        with self.place.background("source", run_directory=self.run, customers=customers,
                                   updates_per_second=updates_per_second):
            self.start_checker()
            yield self


def command(program, arguments, options):
    words = [str(PROGRAMS / f"bench_{program}"), *map(str, arguments)]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def end(popen):
    popen.send_signal(signal.SIGTERM)
    try:
        popen.wait(30)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
    if popen.stdout:
        popen.stdout.close()


def wait_for_socket(path, popen, log, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
                return
            except OSError:
                need(popen.poll() is None and time.monotonic() < deadline,
                     f"redis-server is not ready: {tail(log)}")
        time.sleep(0.01)


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
