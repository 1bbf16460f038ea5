"""libentitled as a file: what it shows, what it needs, and what it must never call."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIBRARY = pathlib.Path(os.environ["TEST_LIBRARY"])
HEADER = ROOT / "proto/client/include/entitled.h"

# The sanitizers' own come with a build for tests.
ALLOWED = {"libzmq.so.5", "libmsgpackc.so.2", "libc.so.6", "libm.so.6",
           "libasan.so.8", "libubsan.so.1"}
# The end of a process, its signals and its output are the application's.
FORBIDDEN = {"exit", "_exit", "_Exit", "quick_exit", "abort", "__assert_fail", "atexit", "raise",
             "kill", "signal", "sigaction", "stdout", "stderr", "printf", "puts", "putchar", "perror",
             "fprintf", "vfprintf", "fputs", "fwrite", "__printf_chk", "__fprintf_chk", "syslog",
             "setlocale", "setenv", "getenv", "chdir", "umask"}


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(kind):
    lines = output_of("nm", "-D", kind, LIBRARY).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines}


def declared():
    return set(re.findall(r"\b(entitled_\w+)\(", re.sub(r"/\*.*?\*/|\(\*\w+\)", "", HEADER.read_text(),
                                                       flags=re.S))) - {"entitled_done_fn"}


def test_it_shows_what_the_header_declares_and_nothing_else():
    assert symbols("--defined-only") - {"ENTITLED_1"} == declared()


def test_every_symbol_has_its_version():
    defined = output_of("nm", "-D", "--defined-only", "--with-symbol-versions", LIBRARY).split("\n")
    assert all(re.search(r"@@?ENTITLED_1$", line) for line in defined if " T " in line)
    assert "SONAME" in (dynamic := output_of("readelf", "-d", LIBRARY))
    assert "[libentitled.so.1]" in dynamic


def test_it_needs_zeromq_and_messagepack_only():
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", output_of("readelf", "-d", LIBRARY)))
    assert {"libzmq.so.5", "libmsgpackc.so.2"} <= needed <= ALLOWED


def test_it_never_ends_a_process_nor_speaks():
    assert symbols("--undefined-only") & FORBIDDEN == set()


@pytest.mark.parametrize("compiler", [
    ["gcc", "-std=c99", "-x", "c"], ["clang", "-std=c99", "-x", "c"],
    ["g++", "-std=c++11", "-x", "c++"], ["clang++", "-std=c++11", "-x", "c++"],
])
def test_the_header_is_clean_c_and_cplusplus(tmp_path, compiler):
    program = tmp_path / "program"
    program.write_text("""#include <entitled.h>
        #include <entitled.h>
        int main(void)
        {
            struct entitled_question question = ENTITLED_QUESTION_INIT;
            return question.quantity != 1 || entitled_version() < 1000;
        }
""")
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                    "-I", HEADER.parent, program], check=True)
