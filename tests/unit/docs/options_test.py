"""Every option that a page names is one of the program's, and has the default that the page says."""
import functools
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ["ENTITLED_BIN"])
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAN = sorted((ROOT / "docs/man").glob("*.[1-8]"))
SCRIPTS = {path: (ROOT / path).read_text() for path in
           ("deploy/quickstart", "deploy/install-packages", "tests/run", "tests/lint", "tests/coverage", "tests/valgrind",
            "tests/fuzz/run", "tests/bench/run", "tests/chaos/run", "tests/chaos/teeth", "tests/boot/run")}
# Of other people: not ours to hold to anything.
FOREIGN = {"apt-get", "aws", "cc", "cmake", "cp", "ctest", "install", "mypy", "pip", "pkg-config", "systemctl",
           "systemd-sysusers", "systemd-tmpfiles", "ENTITLED_BIN=build/asan/bin"}
OPTION = r"(?<![\w-])--[a-z][a-z-]*"


@functools.cache
def help_of(program, *verb):
    return subprocess.run([BIN / program, *verb, "--help"], capture_output=True, text=True, check=True).stdout


def listed(text):
    return set(re.findall(rf"^ +({OPTION})", text, re.M))


# A verb, or a verb and its action, as in "held [list]".
ROWS = re.findall(r"^  ([a-z][a-z-]*)(?: \[?([a-z][a-z-]*)\]?)? ", help_of("entitlectl"), re.M)
VERBS = sorted({verb for verb, _ in ROWS})
DAEMONS = sorted(path.name for path in BIN.glob("entitled-*"))
ALL = set().union(*(listed(help_of("entitlectl", verb)) for verb in VERBS), *(listed(help_of(one)) for one in DAEMONS))


def commands(page):
    """What stands as code on a page, a command at a time."""
    text = page.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.M | re.S)
    lines = [line for one in blocks for line in one.splitlines()]
    lines += re.findall(r"^    (\S.*)$", prose, re.M) + re.findall(r"`([^`\n]+)`", prose)
    for line in lines:
        yield from (part.strip() for part in re.split(r"&&|\||;", re.sub(r"\s#\s.*", "", line)))


def known(command):
    """The options that this command may have; None: it is not ours."""
    words = [word for word in re.sub(r"^sudo( -u \w+)? ", "", command).split()]
    program = words[0].rpartition("/")[2]
    if words[0].removeprefix("./") in SCRIPTS:
        return set(re.findall(OPTION, SCRIPTS[words[0].removeprefix("./")]))
    if program in DAEMONS:
        return listed(help_of(program))
    if program == "entitlectl":
        words = words[next((at for at, word in enumerate(words) if word in VERBS), 0):]
    if words[0] in VERBS:
        return listed(help_of("entitlectl", *words[:2 if tuple(words[:2]) in ROWS else 1]))
    return None if words[0] in FOREIGN else ALL


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_exist(page):
    wrong = [(command, option) for command in commands(page) for option in re.findall(OPTION, command)
             if known(command) is not None and option not in known(command)]
    assert wrong == []


@pytest.mark.parametrize("page", MAN, ids=lambda page: page.name)
def test_options_of_manual_pages_exist(page):
    assert set(f"-{name}" for name in re.findall(r"\bFl (-[a-z][a-z-]*)", page.read_text())) <= ALL


def default_of(program, option):
    """As its help says, else as the declared setting has it."""
    said = re.search(rf"^  {option}\b[^-]*?\n? *\(default: (.*)\)$", help_of(program), re.M) or \
        re.search(rf"^  {option}\b.*\(default: (.*)\)$", help_of(program), re.M)
    if said:
        return said[1]
    section = (ROOT / "docs/settings.md").read_text().split(f"## [{program.removeprefix('entitled-')}]")[1].split("\n## ")[0]
    return re.search(rf"^\| `{option[2:].replace('-', '_')}` \| `?([^`|]*?)`? \|", section, re.M)[1].strip()


def test_the_sandbox_s_options_and_defaults_are_told():
    rows = re.findall(r"^\| `--.*$", (ROOT / "docs/sandbox.md").read_text(), re.M)
    assert set(re.findall(rf"`({OPTION})", "\n".join(rows))) == listed(help_of("entitled-sandbox"))
    told = [(re.search(OPTION, row)[0], re.search(r"default `([^`]*)`", row)[1]) for row in rows if "default `" in row]
    assert len(told) >= 4
    for option, value in told:
        assert value in default_of("entitled-sandbox", option), option
