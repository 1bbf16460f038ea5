"""libentitled as installed: its examples are built with header and pkg-config alone, and ask real checkers."""
import re
import subprocess

import pytest

from tests.support.installed import EXAMPLES, Installed
from tests.support.suite import BUYER, NEW

NAMES = ("blocking", "poll", "in_process", "file_mode")
KINDS = ("shared", "static")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def programs(installed, tmp_path_factory):
    directory = tmp_path_factory.mktemp("programs")
    return {(name, kind): installed.build(EXAMPLES / f"{name}.c", directory / f"{name}-{kind}",
                                          static=kind == "static")
            for name in NAMES for kind in KINDS}


def test_every_example_is_built(programs):
    assert sorted(NAMES) == sorted(path.stem for path in EXAMPLES.glob("*.c"))


def test_an_example_needs_no_more_than_it_says(programs):
    needed = {kind: subprocess.run(["readelf", "-d", programs["blocking", kind]], capture_output=True,
                                   text=True, check=True).stdout for kind in KINDS}
    assert "libentitled.so.1" in needed["shared"] and "libzmq" not in needed["shared"]
    assert "libentitled" not in needed["static"] and "libzmq" in needed["static"]


def test_the_static_library_keeps_its_names_to_itself(installed, tmp_path):
    program = tmp_path / "program.c"
    program.write_text("""#include <entitled.h>
        /* Names that libentitled has inside, with another meaning. */
        int mem_alloc, decide, buf_append, loop_new, replica_new, str_eq;
        int main(void)
        {
            struct entitled_answer *answer = entitled_answer_new();
            entitled_answer_free(answer);
            return mem_alloc + decide + buf_append + loop_new + replica_new + str_eq;
        }
""")
    assert installed.run(installed.build(program, tmp_path / "program", static=True)).returncode == 0


def test_a_cplusplus_program_is_built(installed, tmp_path):
    program = tmp_path / "program.cc"
    program.write_text("""#include <entitled.h>
        #include <memory>
        int main()
        {
            std::unique_ptr<entitled_answer, decltype(&entitled_answer_free)> answer(
                entitled_answer_new(), entitled_answer_free);
            entitled_question question = ENTITLED_QUESTION_INIT;
            question.handle = "acme";
            return entitled_answer_allow(answer.get()) || question.quantity != 1;
        }
""")
    built = installed.build(program, tmp_path / "program", compiler=("g++", "-std=c++17"))
    assert installed.run(built).returncode == 0


def test_every_function_has_a_manual_page_of_its_name(installed):
    [manual] = {path.parents[1] for path in installed.root.rglob("man3/libentitled.3")}
    functions = set(re.findall(r"^ +(entitled_\w+);", (EXAMPLES.parent / "entitled.map").read_text(), re.M))
    assert len(functions) > 40
    for function in sorted(functions):
        page = subprocess.run(["mandoc", "-T", "ascii", f"man3/{function}.3"], cwd=manual, check=True,
                              capture_output=True, text=True).stdout
        assert function in re.sub(r".\x08", "", page), function


@pytest.mark.parametrize("kind", KINDS)
def test_an_application_is_tested_from_a_file(installed, programs, kind):
    done = installed.run(programs["file_mode", kind], EXAMPLES / "fixture.json")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count("ok") == 5


def test_without_checkers_there_is_no_answer(installed, programs, tmp_path):
    done = installed.run(programs["poll", "shared"], tmp_path, "seats", "acme")
    assert done.returncode == 2 and "no checker can be reached" in done.stdout


def test_the_examples_ask_real_checkers(suite, installed, programs):
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    directory = suite.run / "public"
    for kind in KINDS:
        def run(name, *arguments):
            done = installed.run(programs[name, kind], *arguments)
            assert done.stderr == ""
            return done.returncode, done.stdout

        assert run("blocking", BUYER, "seats", "10", directory) == (0, "allowed: entitled, 10 in all\n")
        assert run("blocking", BUYER, "seats", "11", directory) == (1, "refused: insufficient_quantity\n")
        code, out = run("poll", directory, "seats", BUYER, "nobody", deal["license_arn"])
        assert code == 0 and sorted(out.splitlines()[:3]) == sorted([
            f"{BUYER}: allowed, entitled", "nobody: refused, not_subscribed",
            f"{deal['license_arn']}: allowed, entitled"])
        code, out = run("in_process", directory, BUYER, "seats")
        assert code == 0 and out.count("allowed 100000, refused 0, failed 0") == 2
        assert run("in_process", directory, "nobody", "seats")[0] == 1
