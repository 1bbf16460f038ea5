"""libentitled as it is installed: put into a directory of its own, found there with pkg-config."""
import os
import pathlib
import subprocess

from .process import BIN

BUILD = pathlib.Path(BIN).resolve().parent
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "proto/clients/c/examples"


def needed_flags():
    """What an object of this build needs to be linked."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    flags = {"ENTITLED_SANITIZE:BOOL=ON": "-fsanitize=address,undefined", "ENTITLED_COVERAGE:BOOL=ON": "--coverage"}
    return [flag for option, flag in flags.items() if option in cache]


class Installed:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        subprocess.run(["cmake", "--install", BUILD, "--component", "libentitled"], check=True,
                       capture_output=True, env={**os.environ, "DESTDIR": str(self.root)})
        [found] = self.root.rglob("entitled.pc")
        self.environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(self.root),
                            "PKG_CONFIG_PATH": str(found.parent),
                            "LD_LIBRARY_PATH": str(found.parent.parent)}

    def pkg_config(self, *arguments):
        return self._output("pkg-config", *arguments, "entitled").split()

    def build(self, source, program, static=False, compiler=("cc", "-std=c99", "-D_POSIX_C_SOURCE=200809L")):
        flags = self.pkg_config("--cflags", "--libs", *(["--static"] if static else []))
        if static:
            flags = ["-l:libentitled.a" if flag == "-lentitled" else flag for flag in flags]
        self._output(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", program, source,
                     "-pthread", *flags, *needed_flags())
        return program

    def run(self, program, *arguments, timeout_s=60):
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=timeout_s,
                              env=self.environment)

    def _output(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout
