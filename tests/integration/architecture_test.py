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
    r"czmq\.h": ["common/loop", "common/keys"],
    r"systemd/.*": ["common/daemon"],
    r"uthash\.h": ["common/base"],
    # The client library has a loop without CZMQ, and needs what its sockets are waited for by.
    r"zmq\.h": ["proto/endpoint", "proto/client"],
    r"msgpack.*": ["proto/codec"],
    r"db\.h": ["services/store"],
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


def test_includes_are_written_from_the_root():
    wrong = [f"{path} includes {name}" for path, kind, name in includes()
             if kind == '"' and not (ROOT / name).exists() and not name.endswith("_pages.h")]
    assert wrong == []


def test_only_the_skeleton_and_tools_end_the_process():
    # Without a working digest or random source nothing sensible can go on.
    allowed = {"common/base/mem_exhausted.c", "common/crypto/digest.c"}
    wrong = [str(path.relative_to(ROOT)) for layer in LAYERS
             for path in sorted((ROOT / layer).rglob("*.c"))
             if re.search(r"(?<!->)\b(exit|_exit|abort)\(", path.read_text())
             and str(path.relative_to(ROOT)) not in allowed]
    assert wrong == []


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
    assert sorted(routed) == sorted(declared)
