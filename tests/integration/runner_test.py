"""What judges the tests can fail, and names what failed; what looked at nothing has failed."""
import pathlib
import shutil
import subprocess

TESTS = pathlib.Path(__file__).resolve().parents[1]
PASSED = '<testcase classname="a.b" name="good"/>'


def counted(*arguments):
    done = subprocess.run(["/usr/bin/python3", TESTS / "support/count.py", *arguments], capture_output=True, text=True)
    return done.stdout.splitlines()[-1], done.returncode


def results(tmp_path, name, *cases):
    (tmp_path / name).write_text(f"<testsuite>{''.join(cases)}</testsuite>")
    return tmp_path / name


def test_what_passed_is_counted(tmp_path):
    assert counted(results(tmp_path, "one.xml", PASSED), results(tmp_path, "two.xml", PASSED, PASSED)) == (
        "3 passed, 0 failed", 0)


def test_what_failed_is_named_in_the_last_line(tmp_path):
    cases = (f'<testcase classname="a.b" name="{mark}"><{mark}/></testcase>' for mark in ("failure", "error", "skipped"))
    unit = '<testcase name="unit/x" classname="unit/x" status="notrun"/>'
    assert counted("--step", "tests/lint", results(tmp_path, "one.xml", PASSED, *cases, unit)) == (
        "1 passed, 5 failed: tests/lint, a.b::failure, a.b::error, a.b::skipped, unit/x", 1)


def test_what_looked_at_nothing_has_failed(tmp_path):
    empty, full = results(tmp_path, "empty.xml"), results(tmp_path, "full.xml", PASSED)
    assert counted(full, empty) == (f"1 passed, 1 failed: no tests in {empty}", 1)
    assert counted(full, tmp_path / "none.xml") == (f"1 passed, 1 failed: no results in {tmp_path}/none.xml", 1)
    assert counted() == ("0 passed, 1 failed: no tests", 1)


def test_a_lint_of_no_sources_fails(tmp_path):
    for folder in ("common", "proto", "services", "tests"):
        (tmp_path / folder).mkdir()
    shutil.copy(TESTS / "lint", tmp_path / "tests/lint")
    done = subprocess.run([tmp_path / "tests/lint"], capture_output=True, text=True)
    assert done.returncode != 0 and "no sources" in done.stderr


def test_a_test_over_an_empty_list_fails(tmp_path):
    (tmp_path / "empty_test.py").write_text("import pytest\n@pytest.mark.parametrize('page', [])\ndef test_it(page): pass\n")
    done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", TESTS.parent / "pytest.ini",
                           "--rootdir", tmp_path, tmp_path / "empty_test.py"], capture_output=True, text=True)
    assert done.returncode != 0, done.stdout


def test_no_test_asks_git(tmp_path):
    """An unpacked archive has none. The benchmarks only tell the commit, if there is one."""
    asking = {str(path.relative_to(TESTS)) for path in TESTS.rglob("*")
              if path.is_file() and path.suffix in ("", ".py", ".sh", ".txt") and path != pathlib.Path(__file__)
              and any(mark in path.read_text(errors="replace") for mark in ("git ls-files", '"git"'))}
    assert asking == {"bench/run"}
