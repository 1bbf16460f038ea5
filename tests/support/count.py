"""Adds up JUnit results and ends in one line that counts them."""
import os
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failed = [case for case in cases
              if case.find("failure") is not None or case.find("error") is not None]
    # A skipped test is not a passed one: here it counts as failed.
    skipped = [case for case in cases if case.find("skipped") is not None
               or case.get("status") in ("notrun", "disabled")]
    return len(cases), len(failed) + len(skipped)


def main(paths):
    total = failed = 0
    for path in paths:
        if not os.path.exists(path):
            print(f"no results in {path}: its tests did not run")
            failed += 1
            total += 1
            continue
        cases, bad = count(path)
        total += cases
        failed += bad
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
