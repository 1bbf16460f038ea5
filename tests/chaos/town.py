"""The suite under test: two checkers, two pollers, a store whose disk is ours to cut."""
import pathlib
import threading

from tests.support.process import BIN
from tests.support.suite import Suite

from .disk import Disk

MUTANTS = {"unfenced": ("entitled-store", "unfenced_store"),
           "hasty": ("entitled-poller", "hasty_poller"),
           "credulous": ("entitled-checker", "credulous_checker")}

# The rules are the same with short spans.
ENVIRONMENT = {
    "ENTITLED_ENTITLED_LOG_LEVEL": "info",
    "ENTITLED_STORE_LEASE": "3s",
    "ENTITLED_STORE_FREE_SPACE_FLOOR": "1M",
    "ENTITLED_STORE_LOG_LIMIT": "1M",
    "ENTITLED_STORE_CHECKPOINT_INTERVAL": "2s",
    "ENTITLED_POLLER_VISIBILITY_TIMEOUT": "10s",
    "ENTITLED_REGISTRAR_WAIT": "2s",
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:quarantine_size_mb=4",
    "LSAN_OPTIONS": f"print_suppressions=0:suppressions={pathlib.Path(__file__).with_name('lsan.suppressions')}",
}


class Town(Suite):
    def __init__(self, mutant=None):
        self.mutant = MUTANTS.get(mutant)
        self.disk = None
        super().__init__()
        self.add("poller-2", "entitled-poller", "--name", "2")
        self.locks = {name: threading.Lock() for name in self.processes}
        self.sandbox.settings(queues={"mp-events": {"max_receive_count": 1000}})

    def add(self, name, program, *arguments, environment=None):
        environment = dict(ENVIRONMENT)
        if name == "store":
            self.disk = Disk(self.directory / "state")
            environment.update(self.disk.environment())
        if self.mutant and self.mutant[0] == program:
            program = BIN.parent / "chaos" / self.mutant[1]
        return super().add(name, program, *arguments, environment=environment)

    def start(self):
        self.disk.written_back()
        super().start()
        self.ready = {name: process.popen.pid for name, process in self.processes.items()}
        return self

    def start_one(self, name):
        """Does not wait: what it needs may be down, too."""
        if name == "store":
            self.disk.written_back()
        self.processes[name].start(wait=False)

    def wait_ready(self):
        for name, process in self.processes.items():
            if self.ready[name] != process.popen.pid:
                process.wait_ready()
                self.ready[name] = process.popen.pid
