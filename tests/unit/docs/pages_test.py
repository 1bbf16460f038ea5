"""The pages: links lead somewhere, lines have one width, and operators look for what the daemons say."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Those that are here, for an unpacked archive has no git. The head of docs/protocol.md is read there.
PAGES = [*sorted(ROOT.glob("*.md")), *(page for folder in ("common", "deploy", "docs", "proto", "services", "tests")
                               for page in sorted((ROOT / folder).rglob("*.md")) if not page.name.endswith(".head.md"))]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SOURCES = "".join(path.read_text() for folder in ("common", "proto", "services")
                  for kind in ("*.c", "*.def") for path in (ROOT / folder).rglob(kind))
# A sentence may go on in the next line of a source.
SAID = re.sub(r'"\s*"', "", SOURCES)


def anchors(page):
    text = page.read_text()
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.M)}
    return headings | set(re.findall(r'<a id="([^"]+)">', text))


def rows(section):
    """The first column of the section's table, without its head."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## )", OPERATIONS + "## ", re.M | re.S)[1]
    return [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")][2:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_what_contributors_are_told_to_open_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`([\w./-]+/[\w./-]*)`", text) + re.findall(r"^(?:\./)?(?:deploy|tests)/\S+", text, re.M)
    assert len(named) > 3
    assert [name for name in named if "NAME" not in name and name != "docs/..." and not (ROOT / name).exists()] == []


def prose(page):
    """The lines of running text: no tables and no code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return [line for line in text.splitlines() if not line.startswith(("|", "    ", "!["))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_have_one_width(page):
    assert [line for line in prose(page) if len(line) > 120] == []


def test_the_figures_to_watch_are_told():
    names = [name for row in rows("Watch") for name in re.findall(r"`([a-z_]+)`", row)]
    declared = (ROOT / "docs/figures.md").read_text()
    assert len([name for name in names if name.startswith("entitled_")]) > 7
    assert [name for name in names if f"| `{name}` |" not in declared and f'"{name}"' not in SOURCES
            and not setting(name)] == []


def setting(name):
    return re.search(rf"^\w+\(\w+, {name},", (ROOT / "proto/settings/settings.def").read_text(), re.M)


@pytest.mark.parametrize("section", ["Watch", "When something is wrong"])
def test_the_lines_to_look_for_are_logged(section):
    lines = [line for row in rows(section) for line in re.findall(r'"([^"]+)"', row)]
    lines = [line for line in lines if line != "no access"]  # what a customer says
    assert len(lines) > 3
    assert [line for line in lines if line not in SAID and not setting(line)] == []
