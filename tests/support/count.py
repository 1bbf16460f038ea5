"""count.py [--step NAME]... JUNIT_FILE...: adds up results and ends in one line that counts them and names what failed."""
import argparse
import os
import sys
import xml.etree.ElementTree as ElementTree

NAMED_MAX = 20


def is_bad(case):
    # A skipped test is not a passed one: here it counts as failed.
    return any(case.find(mark) is not None for mark in ("failure", "error", "skipped")) \
        or case.get("status") in ("notrun", "disabled")


def name_of(case):
    place = case.get("classname", "")
    return case.get("name") if place in ("", case.get("name")) else f"{place}::{case.get('name')}"


def count(path):
    """How many passed, and what failed. Nothing at all is a failure."""
    if not os.path.exists(path):
        return 0, [f"no results in {path}"]
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    if not cases:
        return 0, [f"no tests in {path}"]
    failed = [name_of(case) for case in cases if is_bad(case)]
    return len(cases) - len(failed), failed


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", action="append", default=[])
    parser.add_argument("results", nargs="*")
    given = parser.parse_args(arguments)
    counted = [count(path) for path in given.results]
    passed, failed = sum(one for one, _ in counted), given.step + [name for _, names in counted for name in names]
    if not counted and not failed:
        failed = ["no tests"]
    line = f"{passed} passed, {len(failed)} failed"
    if failed:
        more = ", ..." if len(failed) > NAMED_MAX else ""
        line += f": {', '.join(failed[:NAMED_MAX])}{more}"
    print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
