"""The skeleton of every daemon, seen from outside: options, exit codes, order of the stop."""
import contextlib
import fcntl
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time
import tty

import pytest

PROGRAM = os.environ["TEST_DAEMON"]


def environment(**more):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("ENTITLED_") and k not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM")}
    return {**kept, **more}


def run(*options, **more):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=60,
                          env=environment(**more), check=False)


class Running:
    """The daemon in the background; its standard output says how far it is."""

    def __init__(self, *options, **more):
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env=environment(**more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def expect(self, line):
        assert self.process.stdout.readline() == line + "\n"

    def wait_for_log(self, message):
        for line in self.process.stderr:
            if f"msg={message}" in line:
                return line
        raise AssertionError(f"the daemon ended without saying {message}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        out, err = self.process.communicate(timeout=60)
        return out.split(), err, self.process.returncode


def test_help_and_version_answer_and_end():
    result = run("--help")
    assert result.returncode == 0
    assert "does nothing, in order" in result.stdout
    for option in ("--config", "--check-config", "--name", "--version"):
        assert option in result.stdout
    result = run("--version")
    assert (result.returncode, result.stdout.split()[0]) == (0, "entitled-test")


@pytest.mark.parametrize("options, word", [
    (["--nonsense"], "--nonsense"),
    (["--config"], "requires an argument"),
    (["surplus"], "unexpected argument 'surplus'"),
    (["--name", "a/b"], "not 'a/b'"),
    (["--name", ""], "not ''"),
    (["--name", "x" * 33], "x" * 33),
])
def test_a_wrong_command_line_ends_with_2(options, word):
    result = run(*options)
    assert result.returncode == 2
    assert word in result.stderr
    assert "--help" in result.stderr
    assert result.stdout == ""


def test_check_config_says_whether_settings_are_good(tmp_path):
    path = tmp_path / "entitled.conf"
    path.write_text("[test]\nfail = start\n")
    result = run("--check-config", "--config", str(path))
    assert (result.returncode, result.stdout, result.stderr) == (0, "settings are good\n", "")


def test_check_config_says_that_there_was_no_file():
    result = run("--check-config")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "settings are good", "there is no settings file: all settings are defaults or come from the environment"]


def told_to_the_journal(tmp_path, *options, other=0, **more):
    """What is written to a standard error that systemd says (or said) leads to the journal."""
    path = tmp_path / "journal"
    with path.open("w") as stderr:
        about = os.fstat(stderr.fileno())
        subprocess.run([PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=stderr, timeout=60, check=False,
                       env=environment(JOURNAL_STREAM=f"{about.st_dev}:{about.st_ino + other}", **more))
    return path.read_text().splitlines()


def test_the_journal_is_told_the_level_of_each_line(tmp_path):
    lines = told_to_the_journal(tmp_path, ENTITLED_TEST_FAIL="start")
    levels = {"<3>": "error", "<4>": "warning", "<6>": "info", "<7>": "debug"}
    assert any(line.startswith("<3>time=") and 'msg="cannot start"' in line for line in lines), lines
    assert all(f" level={levels[line[:3]]} " in line for line in lines), lines
    assert told_to_the_journal(tmp_path, "--name", "a/b")[-1].startswith("<3>entitled-test: ")
    assert told_to_the_journal(tmp_path, ENTITLED_TEST_LOG_LEVEL="loud")[-1].startswith("<3>entitled-test: ")


def test_who_was_given_another_standard_error_writes_as_ever(tmp_path):
    lines = told_to_the_journal(tmp_path, other=1, ENTITLED_TEST_FAIL="start")
    assert lines and all(line.startswith("time=") for line in lines), lines


@pytest.mark.parametrize("options", [[], ["--check-config"]])
@pytest.mark.parametrize("text, want", [
    ("[test]\n\ndrian = now\n",
     "{path}:3: unknown setting 'drian' in [test]; did you mean 'drain'?"),
    ("[test]\ndrain = later\n", "{path}:2: 'drain' must be one of now, soon, never, not 'later'"),
    ("[test]\nfail = check\n", "the check failed"),
    ("[test]\nlog_level = loud\n", "unknown log level 'loud'"),
])
def test_wrong_settings_end_with_2(tmp_path, options, text, want):
    path = tmp_path / "entitled.conf"
    path.write_text(text)
    result = run(*options, "--config", str(path))
    assert result.returncode == 2
    assert result.stderr == f"entitled-test: {want.format(path=path)}\n"
    assert result.stdout == ""


def test_the_environment_may_name_the_file(tmp_path):
    path = tmp_path / "entitled.conf"
    path.write_text("[test]\nfail = check\n")
    assert run("--check-config", ENTITLED_CONFIG=str(path)).returncode == 2
    other = tmp_path / "other.conf"
    other.write_text("")
    assert run("--check-config", "--config", str(other),
               ENTITLED_CONFIG=str(path)).returncode == 0
    result = run("--check-config", "--config", str(tmp_path / "none"))
    assert (result.returncode, "cannot read" in result.stderr) == (2, True)


def test_a_failed_start_ends_with_1_and_cleans_up():
    result = run(ENTITLED_TEST_FAIL="start")
    assert result.returncode == 1
    assert result.stdout.splitlines() == ["start 1", "stop"]
    assert 'msg="cannot start" error="the start failed"' in result.stderr
    assert "msg=started" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("mode", ["now", "soon"])
def test_a_signal_drains_then_stops(number, mode):
    with Running("--name", "two", ENTITLED_TEST_DRAIN=mode) as daemon:
        daemon.expect("start two")
        assert "instance=two" in daemon.wait_for_log("started")
        daemon.send(number)
        out, err, code = daemon.end()
        assert (out, code) == (["drain", "drained", "stop"], 0)
        messages = [line.split("msg=")[1] for line in err.splitlines()]
        assert messages == ["stopping", "stopped"]


def test_unused_memory_goes_back_after_the_start_and_again():
    with Running(TRIM_INTERVAL_MS="1") as daemon:
        for line in ("start 1", "trim", "trim", "trim"):
            daemon.expect(line)
        daemon.send(signal.SIGTERM)
        assert daemon.end()[2] == 0


def test_a_second_signal_stops_at_once():
    with Running(ENTITLED_TEST_DRAIN="never", DRAIN_LIMIT_MS="3600000") as daemon:
        daemon.expect("start 1")
        daemon.send(signal.SIGTERM)
        daemon.expect("drain")
        daemon.send(signal.SIGTERM)
        out, err, code = daemon.end()
        assert (out, code) == (["stop"], 0)
        assert "told to stop at once" in err


def test_draining_is_bounded():
    with Running(ENTITLED_TEST_DRAIN="never", DRAIN_LIMIT_MS="50") as daemon:
        daemon.expect("start 1")
        daemon.send(signal.SIGTERM)
        out, err, code = daemon.end()
        assert (out, code) == (["drain", "stop"], 0)
        assert "some work was not finished in time" in err


@pytest.mark.parametrize("where, said", [("later", ["start", "1", "stop"]),
                                         ("drain", ["start", "1", "drain", "stop"])])
def test_a_failure_ends_with_1(where, said):
    with Running(ENTITLED_TEST_FAIL=where) as daemon:
        if where == "drain":
            daemon.wait_for_log("started")
            daemon.send(signal.SIGTERM)
        out, _, code = daemon.end()
        assert (out, code) == (said, 1)


def test_systemd_is_told(tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(60)
        with Running(NOTIFY_SOCKET=path, WATCHDOG_USEC="100000") as daemon:
            got = [notify.recv(100) for _ in range(4)]
            assert sorted(got[:2]) == [b"READY=1", b"WATCHDOG=1"]
            assert got[2:] == [b"WATCHDOG=1", b"WATCHDOG=1"]
            daemon.send(signal.SIGTERM)
            while (last := notify.recv(100)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"
            assert daemon.end()[2] == 0


def test_nobody_waits_for_systemd(tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        notify.bind(path)
        notify.settimeout(60)
        with contextlib.suppress(BlockingIOError):
            while True:
                others.sendto(b"x", socket.MSG_DONTWAIT, path)
        with Running(NOTIFY_SOCKET=path, WATCHDOG_USEC="1000", TRIM_INTERVAL_MS="1") as daemon:
            for line in ("start 1", "trim", "trim", "trim"):
                daemon.expect(line)
            while notify.recv(100) != b"READY=1":
                pass
            daemon.send(signal.SIGTERM)
            assert daemon.end()[2] == 0


def a_pipe():
    return os.pipe()


def a_socket():
    return tuple(end.detach() for end in socket.socketpair())


def a_terminal():
    """Somebody has pressed Ctrl-S at it."""
    reader, writer = pty.openpty()
    tty.setraw(writer)
    termios.tcflow(writer, termios.TCOOFF)
    return reader, writer


class Unread:
    """Something to write to that is full, since nobody reads it."""

    def __init__(self, kind):
        self.reader, self.writer = kind()
        with self.not_waiting(self.writer):
            for size in (65536, 1):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        os.write(self.writer, b"x" * size)

    @staticmethod
    @contextlib.contextmanager
    def not_waiting(fd):
        os.set_blocking(fd, False)
        try:
            yield
        finally:
            os.set_blocking(fd, True)

    def lines(self):
        """What the daemon wrote behind it; also makes room."""
        text = b""
        if os.isatty(self.writer):
            termios.tcflow(self.writer, termios.TCOON)
        while True:
            text += os.read(self.reader, 65536)
            *whole, text = text.lstrip(b"x").split(b"\n")
            yield from whole

    def close(self):
        os.close(self.reader)
        os.close(self.writer)


def start_unread(unread, program=PROGRAM, **options):
    daemon = Running.__new__(Running)
    daemon.process = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=unread.writer, text=True,
                                      env=environment(TRIM_INTERVAL_MS="1"), **options)
    return daemon


def goes_on_and_tells(daemon, unread):
    for line in ("start 1", "trim", "trim", "trim"):
        daemon.expect(line)
    told = next(unread.lines())
    assert b'level=warning daemon=entitled-test msg="lines of this log are missing: nobody took them" lines=1' \
        in told
    daemon.send(signal.SIGTERM)
    out, _, code = daemon.end()
    assert ([word for word in out if word != "trim"], code) == (["drain", "drained", "stop"], 0)
    messages = [line.split(b"msg=")[1] for _, line in zip(range(2), unread.lines())]
    assert messages == [b"stopping", b"stopped"]


@pytest.mark.parametrize("kind", [a_pipe, a_socket, a_terminal])
def test_nobody_waits_for_who_reads_the_log(kind):
    unread = Unread(kind)
    with start_unread(unread) as daemon:
        assert not fcntl.fcntl(unread.writer, fcntl.F_GETFL) & os.O_NONBLOCK
        goes_on_and_tells(daemon, unread)
    unread.close()


def test_nobody_waits_for_another_users_pipe():
    unread = Unread(a_pipe)
    os.fchmod(unread.writer, 0)
    # Whoever may open everything runs the daemon as somebody who may not.
    other = {"user": 65534} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        with start_unread(unread, shutil.copy(PROGRAM, directory), **other) as daemon:
            goes_on_and_tells(daemon, unread)
    unread.close()


def test_a_log_without_a_reader_ends_nobody():
    unread = Unread(a_pipe)
    os.close(unread.reader)
    with start_unread(unread) as daemon:
        daemon.expect("start 1")
        daemon.send(signal.SIGTERM)
        assert daemon.end()[2] == 0
    os.close(unread.writer)


class Contained(Running):
    """The daemon as number 1 of process ids of its own; `unshare` itself stays outside."""

    def __init__(self, *options, **more):
        self.process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", PROGRAM, *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment(**more))

    def first(self):
        return int(children(self.process.pid)[0])


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return listed.read().split()


def test_as_number_1_it_waits_for_those_whose_parents_are_gone():
    with Contained() as daemon:
        daemon.expect("start 1")
        before = children(daemon.first())
        assert len(before) == 1
        # The inner shell is left behind by the outer one; it ends after it has said so.
        orphan = subprocess.run(["nsenter", f"--target={daemon.first()}", "--pid", "sh", "-c", "sh -c 'sh -c : & :'"],
                                capture_output=True, text=True, timeout=60, check=False)
        assert orphan.returncode == 0, orphan.stderr
        until(lambda: children(daemon.first()) == before)
        os.kill(daemon.first(), signal.SIGTERM)
        out, err, code = daemon.end()
        assert out[-1] == "stop" and code == 0, err


def test_as_number_1_it_ends_as_the_daemon_does():
    with Contained() as daemon:
        daemon.expect("start 1")
        os.kill(int(children(daemon.first())[0]), signal.SIGKILL)
        assert daemon.end()[2] == 128 + signal.SIGKILL


def until(holds, seconds=60):
    """No event tells when the kernel forgets a process."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        os.sched_yield()
