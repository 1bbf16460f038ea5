"""libentitled as a file: what it shows, what it needs, and what it must never call.

proto/clients/c/entitled.abi records the binary interface where pointers have 64 bits. What is added to entitled.h is added there
(`TEST_LIBRARY=... python3 tests/unit/proto/clients/abi_test.py` prints it); a line that changes or goes breaks the
programs that were linked with this soname, which then needs the next number."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
LIBRARY = pathlib.Path(os.environ["TEST_LIBRARY"])
HEADER = ROOT / "proto/clients/c/include/entitled.h"
RECORD = ROOT / "proto/clients/c/entitled.abi"

# The sanitizers' own come with a build for tests; the loader, without optimisation, for variables of threads.
ALLOWED = {"libzmq.so.5", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2",
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


def test_it_needs_zeromq_only():
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", output_of("readelf", "-d", LIBRARY)))
    assert {"libzmq.so.5"} <= needed <= ALLOWED


def test_it_never_ends_a_process_nor_speaks():
    assert symbols("--undefined-only") & FORBIDDEN == set()


@pytest.mark.parametrize("compiler", [
    ["gcc", "-std=c99", "-x", "c"], ["clang", "-std=c99", "-x", "c"],
    ["g++", "-std=c++11", "-x", "c++"], ["clang++", "-std=c++11", "-x", "c++"],
    ["g++", "-std=c++17", "-x", "c++"],
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


def code():
    """The header without comments and preprocessor lines, each blank one space."""
    text = re.sub(r"/\*.*?\*/|^#(?:[^\n]*\\\n)*[^\n]*$", "", HEADER.read_text(), flags=re.S | re.M)
    return re.sub(r"\s+", " ", text)


def interface():
    """Functions, values of enumerations, and layouts: lines of the record."""
    text = code()
    functions = [line.strip() for line in re.findall(r"ENTITLED_API ([^;]+);", text)]
    functions += re.findall(r"typedef [^;]*\([^;]*;", text)
    values = re.findall(r"(ENTITLED_\w+) = \d+", text)
    members = [(struct, member) for struct, body in re.findall(r"struct (\w+) \{([^}]*)\}", text)
               for member in re.findall(r"(\w+)(?:\[\d+\])?;", body)]
    prints = [f'printf("{value} = %d\\n", {value});' for value in values]
    prints += [f'printf("struct {struct}.{member} at %zu, %zu bytes\\n", offsetof(struct {struct}, {member}),'
               f' sizeof(((struct {struct} *)0)->{member}));' for struct, member in members]
    prints += [f'printf("struct {struct}: %zu bytes\\n", sizeof(struct {struct}));'
               for struct in dict(members)]
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory) / "layout.c"
        source.write_text("#include <entitled.h>\n#include <stdio.h>\nint main(void) {"
                          + "\n".join(prints) + "return 0; }\n")
        program = source.with_suffix("")
        subprocess.run(["cc", "-I", HEADER.parent, "-o", program, source], check=True)
        return sorted(functions) + output_of(program).splitlines()


def test_the_binary_interface_is_the_recorded_one():
    assert len(interface()) > 90
    assert interface() == RECORD.read_text().splitlines()


if __name__ == "__main__":
    print("\n".join(interface()))
