"""Functions and files stay small enough to be read at once."""
import ast
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["common", "proto", "services"]
FUNCTION_MAX, FUNCTION_MEDIAN_MAX, FILE_MAX = 60, 10, 500


def c_files(folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]"))]


def is_python(path):
    return path.suffix == ".py" or \
        path.is_file() and not path.suffix and path.read_bytes().split(b"\n")[0].endswith(b"python3")


def python_files():
    return [path for folder in [*PROGRAMS, "deploy", "tests"] for path in sorted((ROOT / folder).rglob("*"))
            if "__pycache__" not in path.parts and is_python(path)]


def c_functions(text):
    """(first line, count of lines) of each: clang-format has the braces of functions, and no others, begin a line."""
    lines = text.splitlines()
    for brace, line in enumerate(lines):
        if line != "{":
            continue
        first, last = brace, lines.index("}", brace)
        while first > 0 and lines[first - 1] and not lines[first - 1].endswith((";", "}", "*/")) \
                and not lines[first - 1].startswith("#"):
            first -= 1
        yield lines[first], last - first + 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def functions():
    for path in c_files([*PROGRAMS, "tests"]):
        yield from ((path, *function) for function in c_functions(path.read_text()))
    for path in python_files():
        yield from ((path, *function) for function in python_functions(path.read_text()))


def test_functions_are_measured():
    assert list(c_functions("/* Why. */\nstatic int f(int a,\n             int b)\n{\n    return a;\n}\n\nint x;\n"
                            "void g(void)\n{\n    struct s s = {\n        1,\n    };\n}\n")) == \
        [("static int f(int a,", 5), ("void g(void)", 6)]
    assert list(python_functions("@mark\ndef f():\n    return [\n        1]\n")) == [("f", 3)]
    assert len(list(functions())) > 1000


def test_no_function_is_long():
    assert [f"{path.relative_to(ROOT)}: {name}: {count} lines" for path, name, count in functions()
            if count > FUNCTION_MAX] == []


def test_most_functions_are_short():
    counts = [count for path in c_files(PROGRAMS) for _, count in c_functions(path.read_text())]
    assert statistics.median(counts) <= FUNCTION_MEDIAN_MAX


def test_no_file_is_long():
    assert [str(path.relative_to(ROOT)) for path in [*c_files([*PROGRAMS, "tests"]), *python_files()]
            if len(path.read_text().splitlines()) > FILE_MAX] == []
