"""docs/operations.md executed word for word on a bare Debian, and what systemd then makes of the delivered units."""
import re

import pytest

from tests.boot.machine import ROOT, Machine

OPERATIONS = (ROOT / "docs/operations.md").read_text()
CLIENTS = (ROOT / "docs/clients.md").read_text()
README = (ROOT / "README.md").read_text()
UNITS = ("entitled-store", "entitled-checker@1", "entitled-checker@2", "entitled-registrar", "entitled-poller@1")
SANDBOX = "http://127.0.0.1:8470"
CONF_D = "/etc/entitled/conf.d"
CERTIFICATES = ROOT / "tests/vectors"

# README's three lines lead to AWS; this leads to the sandbox.
TO_THE_SANDBOX = f"""
[entitled]
support_email = support@vendor.example
end_confirm_delay = 2s
[aws]
region = us-east-1
endpoint_metering = {SANDBOX}
endpoint_entitlement = {SANDBOX}
endpoint_sqs = {SANDBOX}
endpoint_sts = {SANDBOX}
access_key_id = AKIDFIXTUREEXAMPLE01
secret_access_key = fixtureSecretKeyNotReal/0123456789+abcdEX
[registrar]
public_url = http://127.0.0.1:8080/
[queue main]
url = {SANDBOX}/444455556666/mp-events
local_certificates = yes
[product main]
subscribe_url = {SANDBOX}/
[product legacy]
code = 5legacyproductcode00000001
subscribe_url = {SANDBOX}/
"""

# With systemd's own 30 s a frozen daemon is found as surely, and later.
SOON = "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=3s\n"


def section(document, title):
    return re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", document, re.M | re.S)[1]


def block(document, title, number=0):
    """The lines of a section's block, as they stand there."""
    return re.findall(r"^```\w*\n(.*?)^```$", section(document, title), re.M | re.S)[number]


def row(first):
    """The second column of the row, its commands."""
    text = re.search(rf"^\| {first} \| (.*) \|$", section(OPERATIONS, "Install"), re.M)[1]
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def machine():
    """Installed and set up as written; the sandbox is its AWS."""
    made = Machine()
    try:
        made.start()
        for line in block(OPERATIONS, "Install").splitlines():
            made.must(line, online=True, timeout_s=1800)
        made.write("/etc/entitled/entitled.conf", block(README, "In production"))
        made.must("chmod 640 /etc/entitled/entitled.conf && chgrp entitled /etc/entitled/entitled.conf")
        made.write(f"{CONF_D}/sandbox.conf", TO_THE_SANDBOX)
        made.must("systemd-run --unit=sandbox --service-type=notify /usr/bin/entitled-sandbox --port 8470")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def running(machine):
    [start] = row("systemd")
    assert {unit for unit in UNITS} <= set(start.split())
    machine.must(start)
    return machine


def all_run(machine):
    return all(machine.show(unit)["SubState"] == "running" for unit in UNITS)


def answers(machine):
    return machine.run("entitlectl check nobody seats 1").returncode == 1


def eventually_well(machine):
    machine.eventually(lambda: all_run(machine), "every unit runs")
    machine.eventually(lambda: answers(machine), "a checker answers")


def again(machine, before):
    """Each unit runs, as another process than before."""
    machine.eventually(lambda: all(machine.show(unit)["MainPID"] not in ("0", before[unit]) for unit in UNITS),
                       "every unit is started again")
    eventually_well(machine)


def processes(machine):
    return {unit: machine.show(unit)["MainPID"] for unit in UNITS}


def test_the_settings_are_good(machine):
    for program in sorted({unit.partition("@")[0] for unit in UNITS}):
        machine.must(f"runuser -u entitled -- {program} --check-config")


def test_every_unit_starts_and_stays(running):
    eventually_well(running)
    assert {unit: running.show(unit)["NRestarts"] for unit in UNITS} == dict.fromkeys(UNITS, "0"), running.log()


def test_a_customer_s_story_holds(running):
    said = running.must("python3 deploy/story/play.py --bin /usr/bin --config /etc/entitled/entitled.conf "
                        f"--sandbox {SANDBOX} --registrar http://127.0.0.1:8080 --shown http://127.0.0.1:8080/ --logs journal")
    assert "The story held" in said


def test_the_units_are_confined_and_write_no_core(running):
    for unit in UNITS:
        said = running.must(f"systemd-analyze security --no-pager --threshold=15 {unit}")
        assert "Overall exposure level" in said
        assert re.search(r"^Max core file size +0 +0 ", running.must(f"cat /proc/{running.show(unit)['MainPID']}/limits"), re.M)


def test_each_is_restarted_by_the_operator(running):
    for unit in UNITS:
        before = running.show(unit)["MainPID"]
        running.must(f"systemctl restart {unit}")
        after = running.show(unit)
        assert after["SubState"] == "running" and after["MainPID"] != before
    eventually_well(running)


def test_each_starts_while_the_others_are_away(running):
    running.must(f"systemctl stop {' '.join(UNITS)}")
    for unit in reversed(UNITS):
        running.must(f"systemctl start {unit}")
    eventually_well(running)


@pytest.mark.parametrize("signal", ["KILL", "SEGV", "TERM"])
def test_each_that_ends_is_started_again(running, signal):
    before = processes(running)
    running.must(f"systemctl kill --kill-whom=main --signal={signal} {' '.join(UNITS)}")
    again(running, before)


def test_each_that_hangs_is_started_again(running):
    try:
        for unit in UNITS:
            running.write(f"/etc/systemd/system/{unit}.service.d/soon.conf", SOON)
        running.must(f"systemctl daemon-reload && systemctl restart {' '.join(UNITS)}")
        before = processes(running)
        running.must(f"systemctl kill --kill-whom=main --signal=STOP {' '.join(UNITS)}")
        again(running, before)
    finally:
        running.must("rm /etc/systemd/system/entitled-*.d/soon.conf && systemctl daemon-reload && "
                     f"systemctl restart {' '.join(UNITS)}")
    eventually_well(running)


def test_wrong_settings_stay_with_the_operator(running):
    running.write(f"{CONF_D}/wrong.conf", "[poller]\nwait_time = never\n")
    assert running.run("systemctl restart entitled-poller@1").returncode != 0
    assert running.show("entitled-poller@1")["SubState"] == "failed"
    assert "wait_time" in running.log()
    running.must(f"rm {CONF_D}/wrong.conf && systemctl restart entitled-poller@1")
    eventually_well(running)


def test_the_registrar_serves_port_443_as_documented(running):
    for name in ("tls-localhost.pem", "tls-localhost-key.pem"):
        running.write(f"/etc/entitled/{name}", (CERTIFICATES / name).read_text())
    running.must("chgrp entitled /etc/entitled/tls-*")
    running.write(f"{CONF_D}/z-443.conf", "[registrar]\npublic_url = https://localhost/\nport = 443\n"
                  "tls_certificate_file = /etc/entitled/tls-localhost.pem\n"
                  "tls_key_file = /etc/entitled/tls-localhost-key.pem\n")
    try:
        running.run("systemctl restart entitled-registrar")
        running.eventually(lambda: int(running.show("entitled-registrar")["NRestarts"]) > 0, "port 443 is not for everybody")
        for line in block(OPERATIONS, "Port 443").splitlines():
            running.must(line)
        running.must("python3 -c \"import ssl, urllib.request as r; print(r.urlopen('https://localhost/healthz', "
                     "context=ssl.create_default_context(cafile='/etc/entitled/tls-localhost.pem')).status)\"")
        held = re.search(r"^CapEff:\s+(\w+)$", running.must(f"cat /proc/{running.show('entitled-registrar')['MainPID']}/status"),
                         re.M)[1]
        assert int(held, 16) == 1 << 10  # CAP_NET_BIND_SERVICE, and no other
    finally:
        running.must(f"rm -f {CONF_D}/z-443.conf /etc/systemd/system/entitled-registrar.service.d/port-443.conf && "
                     "systemctl daemon-reload && systemctl restart entitled-registrar")
    eventually_well(running)


def asked_under(machine, *properties):
    """The exit code and the words of an application in C, run as a unit with these properties."""
    machine.write("/etc/systemd/system/application.service", "\n".join((
        "[Service]", "Type=oneshot", "User=nobody", "SupplementaryGroups=entitled-clients",
        "StandardOutput=truncate:/run/application.out", "StandardError=inherit", *properties,
        "ExecStart=/usr/local/bin/blocking nobody seats 1", "")))
    machine.must("systemctl daemon-reload")
    machine.run("systemctl start application")
    code = re.search(r"ExecMainStatus=(\d+)", machine.must("systemctl show application"))[1]
    return int(code), machine.must("cat /run/application.out").strip()


def test_an_application_asks_under_a_filter_of_system_calls(running):
    compile_line = block(CLIENTS, "C", 1).splitlines()[0]
    compile_line = compile_line.replace("program.c", "/usr/share/doc/entitled/examples/blocking.c")
    running.must(f"{compile_line} -o /usr/local/bin/blocking")
    recommended = re.findall(r"^(SystemCall\w+=.*)$", block(CLIENTS, "In your application's process"), re.M)
    assert len(recommended) >= 2
    assert asked_under(running, *recommended) == (1, "refused: not_subscribed")
    # And where scheduling is forbidden it is told so, and lives.
    code, said = asked_under(running, *recommended, "SystemCallFilter=~sched_setscheduler")
    assert code == 2 and "may not call sched_setscheduler()" in said, said


def test_supervisord_runs_the_daemons_too(running):
    running.must(f"systemctl disable --now {' '.join(UNITS)}")
    running.must("systemctl start supervisor")
    running.eventually(lambda: running.run("supervisorctl pid").returncode == 0, "supervisord answers")
    source, target, update = row("supervisord")
    running.must(f"cp {source} {target} && {update}")
    running.eventually(lambda: running.run("supervisorctl status").stdout.count("RUNNING") == len(UNITS) and answers(running),
                       "supervisord runs the daemons")


def test_the_quickstart_demonstrates(machine):
    """Over what the install has built, so that nothing is compiled again."""
    said = machine.must("./deploy/quickstart --demo --sandbox-port 8480 --registrar-port 8481")
    assert "built: nothing to do" in said and "The story held" in said, said
    assert "not known" not in said, said
