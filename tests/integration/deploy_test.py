"""What deploy/ ships is what the tools that read it accept."""
import configparser
import json
import pathlib
import re
import socket
import subprocess

import pytest

from tests.support.process import BIN

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OPERATIONS = (DEPLOY.parent / "docs/operations.md").read_text()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit(unit, tmp_path):
    # With the programs of this build, since verify looks for them.
    copy = tmp_path / unit.name.replace("@.", "@1.")
    copy.write_text(unit.read_text().replace("/usr/sbin/", f"{BIN}/"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)],
                          capture_output=True, text=True)
    assert done.returncode == 0 and unit.name.split(".")[0].rstrip("@") not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_confined(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25",
                           "--no-pager", str(unit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def supervised():
    supervisor = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    supervisor.read(DEPLOY / "supervisor/entitled.conf")
    return {section.split(":")[1]: supervisor[section] for section in supervisor.sections()}


def test_supervisord_runs_every_daemon_that_systemd_runs():
    assert set(supervised()) == {unit.name.split(".")[0].rstrip("@") for unit in UNITS}


def test_neither_gives_a_daemon_up():
    """Both do by themselves, after three or five failures in a row."""
    for unit in UNITS:
        read = configparser.RawConfigParser(strict=False)
        read.read(unit)
        assert read["Unit"]["StartLimitIntervalSec"] == "0" and read["Service"]["Restart"] == "always"
    for program in supervised().values():
        assert program["autorestart"] == "true" and int(program["startretries"]) >= 1000000


def statements(name):
    return json.loads((DEPLOY / "aws" / name).read_text())["Statement"]


def actions(name):
    named = [statement["Action"] for statement in statements(name)]
    return {action for one in named for action in ([one] if isinstance(one, str) else one)}


POLICIES = ("checker.json", "registrar.json", "poller.json")


def test_the_policies_are_what_the_operator_reads():
    rows = re.findall(r"^\| (\w+) \| (.*) \| `(\w+\.json)` \|$", OPERATIONS, re.M)
    assert [f"{daemon}.json" for daemon, _, _ in rows] == [policy for _, _, policy in rows] == list(POLICIES)
    for _, listed, policy in rows:
        assert set(re.findall(r"`([\w:-]+)`", listed)) == actions(policy)


def test_only_events_and_sns_write_to_the_queue_and_only_ours():
    reads, looks = statements("poller.json")
    assert looks["Action"] == "sqs:GetQueueAttributes" and reads["Resource"] in looks["Resource"]
    services = set()
    for statement in statements("queue.json"):
        services.add(statement["Principal"]["Service"])
        assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", reads["Resource"])
        assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert services == {"events.amazonaws.com", "sns.amazonaws.com"}
    pattern = json.loads((DEPLOY / "aws/events.json").read_text())
    assert pattern == {"source": ["aws.agreement-marketplace"]}


def test_the_quickstart_says_how_it_is_used():
    done = subprocess.run([DEPLOY / "quickstart", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--demo" in done.stdout
    done = subprocess.run([DEPLOY / "quickstart", "--nonsense"], capture_output=True, text=True)
    assert done.returncode == 2 and "--nonsense" in done.stderr


def test_the_quickstart_says_which_port_is_busy():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([DEPLOY / "quickstart", "--demo", "--registrar-port", port],
                              capture_output=True, text=True)
    assert done.returncode == 1
    assert "the registration page cannot listen on 127.0.0.1 port " + port in done.stderr


def test_the_story_of_the_quickstart_holds(suite):
    done = subprocess.run(["/usr/bin/python3", DEPLOY / "story/play.py", "--bin", BIN,
                           "--config", suite.config, "--sandbox", suite.sandbox.url,
                           "--registrar", suite.registrar_url, "--shown", "http://127.0.0.1/",
                           "--logs", suite.directory], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The story held" in done.stdout
    # What the quickstart then suggests.
    suggested = re.findall(r"^  \$bin/entitlectl --config \$run/entitled.conf (.*)$", (DEPLOY / "quickstart").read_text(), re.M)
    assert len(suggested) >= 4
    for words in suggested:
        tried = subprocess.run([BIN / "entitlectl", "--config", suite.config, *words.split()], capture_output=True, text=True)
        assert tried.returncode == 0, (words, tried.stdout, tried.stderr)
    # No daemon needs more of AWS than the policies allow; who signs may always be asked.
    called = {operation.removesuffix("Batch") for operation in suite.sandbox.counts()}
    allowed = {action.partition(":")[2] for policy in POLICIES for action in actions(policy)}
    assert {"GetEntitlements", "ReceiveMessage"} <= called <= allowed | {"GetCallerIdentity", "SigningCertificate"}


def test_a_second_configure_changes_no_compile_command(tmp_path):
    """What was built stays built: the second start of the quickstart compiles nothing."""
    commands = []
    for _ in range(2):
        done = subprocess.run(["cmake", "--preset", "release", "-B", tmp_path], cwd=DEPLOY.parent,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        commands.append((tmp_path / "compile_commands.json").read_text())
    assert "entitled-store" in commands[0] and commands[0] == commands[1]


def test_what_is_installed_is_where_the_units_look(tmp_path):
    done = subprocess.run(["cmake", "--install", BIN.parent, "--prefix", tmp_path / "usr"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "usr/share/doc/entitled/aws/trust.json").exists()
    for unit in UNITS:
        program = unit.name.split(".")[0].rstrip("@")
        assert (tmp_path / "usr/lib/systemd/system" / unit.name).exists()
        said = subprocess.run([tmp_path / "usr/sbin" / program, "--version"], capture_output=True,
                              text=True)
        assert said.returncode == 0 and said.stdout.startswith(program)
