"""The layout is the architecture: each library has one door, and arrows point one way."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ["common", "proto", "services"]

# Which header may be included from which folder.
DOORS = {
    r"openssl/.*": ["common/crypto"],
    r"curl/.*": ["common/http/client"],
    r"microhttpd\.h": ["common/http/server"],
    r"jansson\.h": ["common/json"],
    r"ini\.h": ["common/config"],
    r"expat\.h": ["common/xml"],
    r"systemd/.*": ["common/daemon"],
    r"uthash\.h": ["common/base"],
    r"zmq\.h": ["proto/endpoint"],
    r"msgpack.*": ["proto/codec"],
    r"db\.h": ["services/store/disk"],
}

# Folders in rooms, from the top down: arrows point only downwards, and files form no circle.
ROOMS = {
    "common/aws": ["client", "credentials", "environment", "arn"],
    "proto/clients/c": ["examples", "engine", "file", "copy", "remote", "call", "include"],
    "services/entitlectl": ["main.c", "verbs", "doctor", "command", "print"],
    "services/store": ["process", "methods", "rules", "work", "tables", "disk"],
}


def includes():
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.[ch]")):
            for kind, name in re.findall(r'^#include ([<"])([^>"]+)[>"]', path.read_text(), re.M):
                yield path.relative_to(ROOT), kind, name


def test_each_library_has_one_door():
    wrong = [f"{path} includes <{name}>"
             for path, kind, name in includes() if kind == "<"
             for pattern, folders in DOORS.items()
             if re.fullmatch(pattern, name) and str(path.parent) not in folders]
    assert wrong == []


def test_arrows_point_from_services_to_proto_to_common():
    wrong = [f"{path} includes {name}" for path, kind, name in includes() if kind == '"'
             and LAYERS.index(name.split("/")[0]) > LAYERS.index(path.parts[0])]
    assert wrong == []


def test_no_service_includes_another_service():
    wrong = [f"{path} includes {name}" for path, kind, name in includes()
             if kind == '"' and name.startswith("services/") and name.split("/")[1] != path.parts[1]]
    assert wrong == []


def room_of(path):
    """(folder, index of its room) of a file in one of ROOMS."""
    for folder, rooms in ROOMS.items():
        for index, room in enumerate(rooms):
            if pathlib.PurePath(path).is_relative_to(f"{folder}/{room}"):
                return folder, index
    return None, None


def test_arrows_point_down_from_room_to_room():
    wrong = []
    for path, kind, name in includes():
        (folder, room), (target, below) = room_of(path), room_of(name)
        if kind == '"' and folder and folder == target and below < room:
            wrong.append(f"{path} includes {name}")
    assert wrong == []


def test_files_in_rooms_stand_in_a_room():
    wrong = [str(path.relative_to(ROOT)) for folder in ROOMS
             for path in sorted((ROOT / folder).rglob("*.[ch]"))
             if room_of(path.relative_to(ROOT))[0] is None]
    assert wrong == []


def circle(arrows):
    """Some files that lead back to the first of them; empty if there are none."""
    done = set()

    def walk(unit, way):
        if unit in way:
            return way[way.index(unit):] + [unit]
        if unit in done:
            return []
        found = next((circle for below in sorted(arrows.get(unit, ()))
                      if (circle := walk(below, way + [unit]))), [])
        done.add(unit)
        return found

    return next((way for unit in sorted(arrows) if (way := walk(unit, []))), [])


@pytest.mark.parametrize("folder", sorted(ROOMS))
def test_files_form_no_circle(folder):
    # A file, the header of its name and that of its internals are one.
    arrows = {}
    for path, kind, name in includes():
        unit, below = (str(pathlib.PurePath(file).with_suffix("")).removesuffix("_internal")
                       for file in (path, name))
        if kind == '"' and path.is_relative_to(folder) and name.startswith(folder) and unit != below:
            arrows.setdefault(unit, set()).add(below)
    assert arrows
    assert circle(arrows) == []


def test_headers_and_folders_form_no_circle():
    """Files of one folder that lead to each other are one subject, whose struct stands in a header that includes none
    of them."""
    headers, folders = {}, {}
    for path, kind, name in includes():
        if kind != '"' or not (ROOT / name).exists() or name.endswith(".def"):
            continue
        if path.suffix == ".h":
            headers.setdefault(str(path), set()).add(name)
        here, there = str(path.parent), str(pathlib.PurePath(name).parent)
        if here != there:
            folders.setdefault(here, set()).add(there)
    assert len(headers) > 100 and len(folders) > 20
    assert circle(headers) == []
    assert circle(folders) == []


def test_modules_of_the_python_client_form_no_circle():
    arrows = {}
    for path in sorted((ROOT / "proto/clients/python/entitled").glob("*.py")):
        text = path.read_text()
        named = re.findall(r"^ *from \.(\w+) import", text, re.M)
        for several in re.findall(r"^ *from \. import (.*)", text, re.M):
            named += several.split(", ")
        arrows[path.stem] = set(named)
    assert "_errors" in arrows["_client"]
    assert circle(arrows) == []


def test_functions_of_one_program_have_names_of_their_own():
    """The linker takes the first of two in different libraries, without a word."""
    places = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.c")):
            program = path.relative_to(ROOT).parts[1] if layer == "services" else ""
            for name in re.findall(r"^(?!static)\w[\w *]*?\b(\w+)\([^;{}]*\)\n\{",
                                   path.read_text(), re.M):
                places.setdefault(name, []).append((program, str(path.relative_to(ROOT))))
    assert len(places) > 1000
    # libentitled ends the call, not the application, when memory is exhausted.
    replaced = {"main", "mem_exhausted"}
    wrong = [(name, sorted(found)) for name, found in places.items() if name not in replaced
             for one in {program for program, _ in found}
             if sum(program in ("", one) for program, _ in found) > 1]
    assert wrong == []


def test_includes_are_written_from_the_root():
    wrong = [f"{path} includes {name}" for path, kind, name in includes()
             if kind == '"' and not (ROOT / name).exists() and not name.endswith("_pages.h")]
    assert wrong == []


def test_files_without_a_header_of_their_own_say_what_they_are_for():
    silent = [str(path.relative_to(ROOT)) for layer in [*LAYERS, "tests"]
              for path in sorted((ROOT / layer).rglob("*.c"))
              if not path.with_suffix(".h").exists() and not path.read_text().startswith("/*")]
    assert silent == []


def test_only_the_skeleton_and_tools_end_the_process():
    # Without a working digest or random source nothing sensible can go on.
    allowed = {"common/base/mem_exhausted.c", "common/crypto/digest.c"}
    wrong = [str(path.relative_to(ROOT)) for layer in LAYERS
             for path in sorted((ROOT / layer).rglob("*.c"))
             if re.search(r"(?<!->)\b(exit|_exit|abort)\(", path.read_text())
             and str(path.relative_to(ROOT)) not in allowed]
    assert wrong == []


def test_editors_format_as_clang_format_does():
    style = dict(re.findall(r"^(\w+): (.*)$", (ROOT / ".clang-format").read_text(), re.M))
    section = (ROOT / ".editorconfig").read_text().split("[*.{c,h}]")[1].split("[")[0]
    editor = dict(re.findall(r"^(\w+) = (.*)$", section, re.M))
    assert editor == {"indent_size": style["IndentWidth"], "max_line_length": style["ColumnLimit"]}


@pytest.mark.parametrize("definition, pattern", [
    ("proto/messages.def", r"^METHOD\((\w+, \w+),"),
    ("proto/messages.def", r"^SHAPE_BEGIN\((\w+),"),
    ("proto/errors.def", r'^RPC_ERROR\((\w+),'),
])
def test_nothing_is_declared_twice(definition, pattern):
    names = re.findall(pattern, (ROOT / definition).read_text(), re.M)
    assert names and len(names) == len(set(names))


def test_every_method_has_one_handler():
    declared = {f"METHOD_{server}_{name}" for server, name in re.findall(
        r"^METHOD\((\w+), (\w+),", (ROOT / "proto/messages.def").read_text(), re.M)}
    routed = []
    for path in sorted((ROOT / "services").rglob("*.c")):
        routed += re.findall(r"\{\s*(?:\.method = )?(METHOD_\w+),\s*(?:\.handler = )?\w+\s*\}",
                             path.read_text())
    routed += ["METHOD_store_" + method for method in re.findall(
        r"^(?:READS|WRITES|SERVES)\((\w+), \w+\)",
        (ROOT / "services/store/methods/methods.def").read_text(), re.M)]
    assert sorted(routed) == sorted(declared)
