"""A second host on this machine (a network namespace, joined by a pair of veth), and the keys by which
processes of different hosts know each other. Needs root and iproute2."""
import contextlib
import ctypes
import pathlib
import secrets
import shutil
import socket
import subprocess
import threading

from .process import BIN

CLONE_NEWNET = 0x40000000


def make_keys(directory, *names):
    directory = pathlib.Path(directory)
    directory.mkdir(exist_ok=True)
    for name in names:
        subprocess.run([BIN / "entitlectl", "--config", "/dev/null", "keys", "make", name,
                        "--directory", directory], check=True, capture_output=True)


def allow(where, *certificates):
    where = pathlib.Path(where)
    where.mkdir(exist_ok=True)
    for certificate in certificates:
        shutil.copy(certificate, where)


class Host:
    """`here` and `there` are the addresses of the two ends; `enter` begins a command that runs there."""

    def __init__(self):
        token = secrets.token_hex(3)
        self.name = f"entitled-{token}"
        self.path = f"/run/netns/{self.name}"
        self.enter = ["nsenter", f"--net={self.path}"]
        self._links = [f"ent{token}a", f"ent{token}b"]
        self._relays = []
        self._libc = ctypes.CDLL(None, use_errno=True)
        net = f"10.231.{secrets.randbelow(256)}.{4 * secrets.randbelow(63)}"
        first = int(net.rpartition(".")[2])
        self.here, self.there = (f"{net.rpartition('.')[0]}.{first + n}" for n in (1, 2))

    def open(self):
        try:
            self._ip("netns", "add", self.name)
            self._ip("link", "add", self._links[0], "type", "veth", "peer", "name", self._links[1],
                     "netns", self.name)
            self._ip("addr", "add", f"{self.here}/30", "dev", self._links[0])
            self._ip("link", "set", self._links[0], "up")
            self._ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", self._links[1])
            self._ip("-n", self.name, "link", "set", self._links[1], "up")
            self._ip("-n", self.name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            why = getattr(error, "stderr", "") or error
            raise AssertionError("a second host cannot be made: this test needs root and network "
                                 f"namespaces (ip netns): {why}") from None
        return self

    def add_address(self, address):
        """One more of its own, which nobody else reaches."""
        self._ip("-n", self.name, "addr", "add", address, "dev", "lo", "nodad")

    def close(self):
        for relay in self._relays:
            relay.close()
        for arguments in (("link", "del", self._links[0]), ("netns", "del", self.name)):
            subprocess.run(["ip", *arguments], capture_output=True)

    @staticmethod
    def _ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    @contextlib.contextmanager
    def inside(self):
        """What the calling thread makes within, sockets above all, is there."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as away:
            self._set(away)
            try:
                yield
            finally:
                self._set(home)

    def _set(self, namespace):
        if self._libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def lend(self, port):
        """127.0.0.1:port there leads to 127.0.0.1:port here."""
        with self.inside():
            listener = socket.create_server(("127.0.0.1", port))
        self._relays.append(Relay(listener, lambda: socket.create_connection(("127.0.0.1", port))))

    def borrow(self, port):
        """The port of 127.0.0.1 here that leads to 127.0.0.1:port there."""
        def connect():
            with self.inside():
                return socket.create_connection(("127.0.0.1", port))

        listener = socket.create_server(("127.0.0.1", 0))
        self._relays.append(Relay(listener, connect))
        return listener.getsockname()[1]


class Relay:
    """Takes connections and carries bytes both ways until either side ends."""

    def __init__(self, listener, connect):
        self._listener, self._connect = listener, connect
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # Wakes who accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
