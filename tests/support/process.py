"""Starts a real program and knows when it is ready (sd_notify), how it ended and what it said."""
import os
import pathlib
import secrets
import shlex
import signal
import socket
import subprocess
import time

BIN = pathlib.Path(os.environ.get("ENTITLED_BIN", "build/asan/bin")).resolve()

# What runs the programs (tests/valgrind), and how many times longer everything may take then. The sandbox
# runs without: making its key would take minutes.
WRAPPER = shlex.split(os.environ.get("PROGRAM_WRAPPER", ""))
PATIENCE = 6 if WRAPPER else 1

SUPPORT = BIN.parent / "support"

# What a sanitizer writes; a process that wrote one of these has failed its test.
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


def sanitizer_library():
    """The sanitizer must come before what is loaded before libc."""
    listed = subprocess.run(["ldd", BIN / "entitled-store"], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        if "libasan" in line:
            return line.split("=>")[1].split()[0]
    return None


class Process:
    def __init__(self, name, arguments, log, environment=None):
        self.name = name
        wrapper = [] if arguments[0] == "entitled-sandbox" else WRAPPER
        self.arguments = [*wrapper, str(BIN / arguments[0]), *map(str, arguments[1:])]
        self.log = pathlib.Path(log)
        self.environment = environment or {}
        self.host = None  # hosts.Host: runs there
        self.popen = None
        self.notify = None

    def start(self, wait=True):
        assert not self.alive(), f"{self.name} runs already"
        address = f"\0entitled-test-{os.getpid()}-{self.name}-{secrets.token_hex(4)}"
        if self.host:
            # Only names in the file system are the same on both hosts.
            address = f"{self.log}.{secrets.token_hex(4)}"
        if self.notify:
            self.notify.close()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.notify.bind(address)
        environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("AWS_", "ENTITLED_"))},
            "NOTIFY_SOCKET": address.replace("\0", "@"),
            "ASAN_OPTIONS": "exitcode=99:detect_leaks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            **self.environment,
        }
        with self.log.open("ab") as log:
            enter = self.host.enter if self.host else []
            self.popen = subprocess.Popen([*enter, *self.arguments], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, env=environment)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=60):
        deadline = time.monotonic() + PATIENCE * timeout_s
        self.notify.settimeout(0.2)
        while True:
            try:
                if b"READY=1" in self.notify.recv(4096):
                    return
            except socket.timeout:
                pass
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode} before it "
                                     f"was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.name} is not ready:\n{self.tail()}")

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self):
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def freeze(self):
        """SIGSTOP; returns when none of its threads runs any more."""
        self.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self.popen.send_signal(signal.SIGCONT)

    def stop(self, timeout_s=30):
        """SIGTERM; the exit code."""
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
        try:
            code = self.popen.wait(PATIENCE * timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop:\n{self.tail()}") from None
        finally:
            if self.notify:
                self.notify.close()
                self.notify = None
        return code

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=40):
        return "\n".join(self.said().splitlines()[-lines:])

    def check_sanitizers(self):
        said = self.said()
        for mark in SANITIZER_MARKS:
            assert mark not in said, f"{self.name}:\n{said[said.index(mark) - 200:][:4000]}"
