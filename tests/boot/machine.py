"""A bare Debian that boots in a container (debootstrap, systemd-nspawn): a tree of its own below build/boot, a
network of its own, and this project's files in /root/entitled."""
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = os.environ.get("ENTITLED_BOOT_SUITE", "bookworm")
PLACE = ROOT / "build/boot" / SUITE
PATIENCE_S = 300
NOT_PROJECT = ("./.git", "./.run", "./build")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
# nspawn keeps something in /run of its host: in one of its own.
BEGIN = ("mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn && exec systemd-nspawn --quiet "
         '--boot --private-network --register=no --keep-unit --notify-ready=yes --hostname=entitled "$@"')


def must(*words, **options):
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


def mirror():
    """Where this machine has its Debian from."""
    listed = must("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages")
    found = [line.split()[1] for line in listed.splitlines() if line.startswith("Debian ")]
    assert found, "apt on this machine knows no mirror of Debian: run apt-get update"
    return found[0]


def bare():
    """The bare system, made once."""
    base = PLACE / "base"
    if not base.exists():
        partial = PLACE / "base.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        must("debootstrap", "--variant=minbase", "--include=systemd-sysv,ca-certificates", SUITE, partial, mirror())
        # How this machine reaches the mirror (proxies, a clock that is not the mirror's).
        (partial / "etc/apt/apt.conf.d/50host").write_text(must("apt-config", "dump", "--format", '%F "%v";%n', "Acquire"))
        # What is thrown away need not wait for the disk.
        (partial / "etc/dpkg/dpkg.cfg.d/50host").write_text("force-unsafe-io\n")
        (partial / "etc/hosts").write_text("127.0.0.1 localhost\n")
        partial.rename(base)
    return base


class Machine:
    def __init__(self):
        self.tree = PLACE / "tree"
        self.said = PLACE / "console.log"
        self.popen = self.init = self.journal = None

    def start(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        must("cp", "-a", "--reflink=auto", bare(), self.tree)
        self._bring_project()
        archives = PLACE / "archives"
        archives.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as directory, self.said.open("wb") as said, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(f"{directory}/notify")
            self.popen = subprocess.Popen(
                ["unshare", "--mount", "--propagation=private", "sh", "-c", BEGIN, "sh", f"--directory={self.tree}",
                 f"--bind={archives}:/var/cache/apt/archives"],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                env={**ENVIRONMENT, "NOTIFY_SOCKET": f"{directory}/notify"})
            self._await_ready(notify)
        self.journal = subprocess.Popen([*self._enter(), "journalctl", "--follow", "--lines=0", "--output=cat"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        return self

    def _bring_project(self):
        (self.tree / "root/entitled").mkdir()
        packed = subprocess.run(["tar", "-C", ROOT, "-c", *(f"--exclude={name}" for name in NOT_PROJECT), "."],
                                check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-C", self.tree / "root/entitled", "-x"], check=True, input=packed.stdout)

    def _await_ready(self, notify):
        notify.settimeout(0.2)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                for line in notify.recv(4096).decode().splitlines():
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self.init = int(line.partition("=")[2])
                    if line == "READY=1":
                        return
            except socket.timeout:
                pass
            if self.popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError("a bare Debian does not boot here: this test needs root, systemd-nspawn and cgroups "
                                     f"that it may write to\n{self.said.read_text(errors='replace')[-3000:]}")

    def stop(self):
        if self.journal:
            self.journal.kill()
            self.journal.wait()
        if self.popen and self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(60)
            except subprocess.TimeoutExpired:
                if self.init:
                    os.kill(self.init, signal.SIGKILL)
                self.popen.kill()
                self.popen.wait()

    def _enter(self, online=False):
        # The root too: where this machine is itself a chroot, the namespace has another.
        namespaces = ["--root", "--wd", "--mount", "--uts", "--ipc", "--pid", "--cgroup", *([] if online else ["--net"])]
        return ["nsenter", f"--target={self.init}", *namespaces, "env", "-i",
                *(f"{name}={value}" for name, value in ENVIRONMENT.items())]

    def run(self, script, online=False, timeout_s=PATIENCE_S):
        """A line of shell as root in there; online: with this machine's network."""
        return subprocess.run([*self._enter(online), "sh", "-c", f"cd /root/entitled && {script}"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s)

    def must(self, script, **options):
        done = self.run(script, **options)
        assert done.returncode == 0, f"{script}\nexit code {done.returncode}\n{done.stdout[-6000:]}\n{self.log()}"
        return done.stdout

    def write(self, path, text):
        path = self.tree / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def log(self):
        return self.run("journalctl --no-pager --output=cat --lines=60").stdout

    def show(self, unit):
        wanted = "MainPID,NRestarts,ActiveState,SubState,Result"
        lines = self.must(f"systemctl show -p {wanted} {unit}").split()
        return dict(line.split("=", 1) for line in lines)

    def eventually(self, holds, what):
        """Asks again whenever the journal has more."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            readable = select.select([self.journal.stdout], [], [], max(0, deadline - time.monotonic()))[0]
            assert readable, f"{what}: not within {PATIENCE_S} s\n{self.log()}"
            os.read(self.journal.stdout.fileno(), 65536)
