"""The manual pages: well formed, complete, and every reference between them leads somewhere."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "docs/man").glob("*.[1-8]"))
HEADER = (ROOT / "proto/clients/c/include/entitled.h").read_text()
FUNCTIONS = set(re.findall(r"\b(entitled_\w+)\(", re.sub(r"/\*.*?\*/|^typedef.*?;", "", HEADER,
                                                         flags=re.S | re.M)))


def names(page):
    return set(re.findall(r"^\.Nm (\S+)", page.read_text().split(".Sh SYNOPSIS")[0], re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_well_formed(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_function_has_a_page_that_shows_how_it_is_called():
    called = {function for page in PAGES if page.suffix == ".3"
              for function in re.findall(r"^\.Fn (\w+) ", page.read_text(), re.M) if function in names(page)}
    assert called == FUNCTIONS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_references_lead_somewhere(page):
    ours = {(name, path.suffix[1:]) for path in PAGES for name in names(path)}
    for name, section in re.findall(r"^\.(?:Xr|Pq Xr|Po Xr) (\S+) (\d)", page.read_text(), re.M):
        if name.startswith(("entitle", "libentitled")):
            assert (name, section) in ours


@pytest.mark.parametrize("value", sorted(set(re.findall(r"(ENTITLED_\w+) = \d", HEADER))))
def test_every_value_is_explained(value):
    reason = value.removeprefix("ENTITLED_REASON_").lower()
    assert any(re.search(rf"\b({value}|{reason})\b", page.read_text()) for page in PAGES)
