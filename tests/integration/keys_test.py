"""CURVE keys on one host: they are made, listed and never overwritten, and without them nothing speaks TCP."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from tests.support.process import BIN, SANITIZER_MARKS
from tests.support.hosts import make_keys


@pytest.fixture
def directory():
    made = pathlib.Path(tempfile.mkdtemp(prefix="entitled-"))
    (made / "run").mkdir()
    (made / "keys").mkdir()
    yield made
    shutil.rmtree(made)


def run(directory, program, *arguments, settings=""):
    config = directory / "entitled.conf"
    config.write_text(f"[entitled]\nrun_directory = {directory}/run\nkey_directory = {directory}/keys\n"
                      f"[store]\ndirectory = {directory}/state\n{settings}")
    done = subprocess.run([BIN / program, "--config", config, *arguments], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "ASAN_OPTIONS": "exitcode=99:detect_leaks=1"})
    for mark in SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    return done


def mode(path):
    return path.stat().st_mode & 0o7777


def test_keys_are_made_and_listed(directory):
    done = run(directory, "entitlectl", "--json", "keys", "make", "store")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["certificate"] == f"{directory}/keys/store.cert" and len(made["public_key"]) == 40
    secret = directory / "keys/store.cert_secret"
    assert (mode(directory / "keys/store.cert"), mode(secret)) == (0o644, 0o600)
    assert "secret-key" in secret.read_text() and "secret-key" not in done.stdout
    assert "secret-key" not in (directory / "keys/store.cert").read_text()

    make_keys(directory / "other", "checker")
    (directory / "keys/store.allowed").mkdir()
    shutil.copy(directory / "other/checker.cert", directory / "keys/store.allowed")
    done = run(directory, "entitlectl", "--json", "keys")
    assert done.returncode == 0, done.stderr
    mine, allowed = json.loads(done.stdout)["keys"]
    assert (mine["name"], mine["secret_here"], mine["public_key"]) == ("store", True, made["public_key"])
    assert (allowed["name"], allowed["secret_here"], allowed["allowed_at"]) == ("checker", False, "store")
    assert mine["host"] and mine["made"] and "secret-key" not in done.stdout
    table = run(directory, "entitlectl", "keys", "list").stdout
    assert made["public_key"] in table and "store.cert" in table


def test_keys_are_never_overwritten(directory):
    assert run(directory, "entitlectl", "keys", "make", "poller").returncode == 0
    before = (directory / "keys/poller.cert_secret").read_text()
    done = run(directory, "entitlectl", "keys", "make", "poller")
    assert done.returncode == 2 and "exists already" in done.stderr
    assert (directory / "keys/poller.cert_secret").read_text() == before
    assert sorted(path.name for path in (directory / "keys").iterdir()) == [
        "poller.cert", "poller.cert_secret"]


@pytest.mark.parametrize("arguments, sentence", [
    (("make", "../store"), "letters, digits"),
    (("make", ".hidden"), "letters, digits"),
    (("make", "-x"), "option"),
    (("make",), "keys make NAME"),
    (("remove", "store"), "keys make NAME"),
    (("list", "--directory", "/nowhere"), "/nowhere"),
    (("make", "store", "--directory", "/nowhere"), "/nowhere"),
])
def test_what_cannot_be_done_is_said(directory, arguments, sentence):
    done = run(directory, "entitlectl", "keys", *arguments)
    assert done.returncode == 2 and sentence in done.stderr, done.stderr


def test_a_file_that_is_no_certificate_is_shown(directory):
    (directory / "keys/bad.cert").write_text("nothing")
    done = run(directory, "entitlectl", "keys")
    assert done.returncode == 1 and "bad.cert" in done.stdout


OTHERS = """[registrar]
port = 0
public_url = http://127.0.0.1/
vendor_name = Vendor
[entitled]
support_email = support@vendor.example
[aws]
access_key_id = AKIDEXAMPLE
secret_access_key = not-a-secret
[product new]
code = 4exampleproductcode0000001
[queue main]
url = http://127.0.0.1:1/444455556666/queue
local_certificates = yes
"""
PRODUCT = "[product new]\ncode = 4exampleproductcode0000001\n"
TCP = "listen = ipc://{0}/run/store.rpc tcp://127.0.0.1:1\nfeed = ipc://{0}/run/store.feed\n"


def check(directory, program, settings):
    """--check-config: what it says if something is wrong."""
    done = run(directory, program, "--check-config", settings=settings)
    assert done.returncode == (2 if done.stderr else 0)
    assert done.stderr or done.stdout == "settings are good\n"
    return done.stderr


def test_check_config_looks_at_the_keys_that_the_start_reads(directory):
    keys = directory / "keys"
    settings = TCP.format(directory) + PRODUCT
    assert f"{keys}/store.cert_secret" in check(directory, "entitled-store", settings)
    make_keys(keys, "store")
    assert f"{keys}/store.allowed" in check(directory, "entitled-store", settings)
    (keys / "store.allowed").mkdir()
    assert check(directory, "entitled-store", settings) == ""
    (keys / "store.allowed/application.cert").write_text("nothing")
    assert f"'{keys}/store.allowed/application.cert' is no" in check(directory, "entitled-store", settings)
    (keys / "store.allowed/application.cert").unlink()
    (keys / "store.cert_secret").chmod(0o644)
    assert "0600" in check(directory, "entitled-store", settings)
    (keys / "store.cert_secret").write_text("nothing")
    (keys / "store.cert_secret").chmod(0o600)
    assert f"{keys}/store.cert_secret" in check(directory, "entitled-store", settings)
    assert check(directory, "entitled-store", PRODUCT) == ""  # nothing speaks TCP
    assert list((directory / "run").iterdir()) == []


@pytest.mark.parametrize("program", ["entitled-store", "entitled-registrar"])
def test_check_config_is_not_content_with_no_product(directory, program):
    done = run(directory, program, "--check-config", settings=OTHERS.replace(PRODUCT, ""))
    assert done.returncode == 2 and "there is no [product LABEL]" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("program", ["entitled-checker", "entitled-registrar", "entitled-poller"])
def test_check_config_looks_at_who_is_expected(directory, program):
    settings = "[entitled]\nstore_endpoint = tcp://127.0.0.1:1\n" + OTHERS
    assert "needs a CURVE certificate" in check(directory, program, settings)
    make_keys(directory / "keys", program.removeprefix("entitled-"))
    assert f"{directory}/keys/store.cert" in check(directory, program, settings)
    make_keys(directory / "elsewhere", "store")
    shutil.copy(directory / "elsewhere/store.cert", directory / "keys")
    assert check(directory, program, settings) == ""


def test_tcp_without_keys_does_not_start(directory):
    settings = TCP.format(directory)
    done = run(directory, "entitled-store", settings=settings)
    assert done.returncode == 1 and "entitlectl keys make" in done.stderr
    assert f"{directory}/keys/store.cert_secret" in done.stderr

    make_keys(directory / "keys", "store")
    done = run(directory, "entitled-store", settings=settings)
    assert done.returncode == 1 and f"{directory}/keys/store.allowed" in done.stderr

    (directory / "keys/store.allowed").mkdir()
    (directory / "keys/store.cert_secret").chmod(0o644)
    done = run(directory, "entitled-store", settings=settings)
    assert done.returncode == 1 and "0600" in done.stderr


@pytest.mark.parametrize("program, section", [
    ("entitled-checker", "[checker]\nlisten = tcp://127.0.0.1:1\n"),
    ("entitled-checker", "[checker]\nfeed = tcp://127.0.0.1:1\n"),
    ("entitled-checker", "[entitled]\nstore_endpoint = tcp://127.0.0.1:1\n"),
    ("entitled-checker", "[entitled]\nstore_feed_endpoint = tcp://127.0.0.1:1\n"),
    ("entitled-registrar", "[entitled]\nstore_endpoint = tcp://127.0.0.1:1\n"),
    ("entitled-poller", "[entitled]\nstore_endpoint = tcp://127.0.0.1:1\n"),
])
def test_no_daemon_speaks_tcp_without_keys(directory, program, section):
    done = run(directory, program, settings=section + OTHERS)
    assert done.returncode == 1 and "needs a CURVE certificate" in done.stderr, done.stderr
    make_keys(directory / "keys", program.removeprefix("entitled-"))
    done = run(directory, program, settings=section + OTHERS)
    assert done.returncode == 1, done.stderr
    missing = "store.cert" if "store" in section else "checker.allowed"
    assert f"{directory}/keys/{missing}" in done.stderr


def test_entitlectl_speaks_no_tcp_without_keys(directory):
    done = run(directory, "entitlectl", "--store", "tcp://127.0.0.1:1", "list")
    assert done.returncode == 2 and "needs a CURVE certificate" in done.stderr
    make_keys(directory / "keys", "entitlectl")
    done = run(directory, "entitlectl", "--store", "tcp://127.0.0.1:1", "list")
    assert done.returncode == 2 and f"{directory}/keys/store.cert" in done.stderr
