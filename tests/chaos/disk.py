"""The store's disk: what survives a power cut, and how full it is. disk.c does it inside the store."""
import pathlib
import shutil

from tests.support.process import BIN, sanitizer_library

LIBRARY = BIN.parent / "chaos" / "chaos_disk.so"
PLENTY, BELOW_FLOOR, FULL = 0, 1, 2
BLOCK = 4096


class Disk:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.shadow = self.directory.with_name("durable")
        self.control = self.directory.with_name("disk.control")
        self.control.write_bytes(bytes(4096))

    def environment(self):
        assert LIBRARY.exists(), f"{LIBRARY} is not built"  # libc would start the store without it
        libraries = [str(name) for name in (sanitizer_library(), LIBRARY) if name]
        return {"LD_PRELOAD": ":".join(libraries), "CHAOS_DISK": str(self.directory),
                "CHAOS_SHADOW": str(self.shadow), "CHAOS_CONTROL": str(self.control)}

    def _set(self, index, value):
        with self.control.open("r+b") as control:
            control.seek(index)
            control.write(bytes([value]))

    def space(self, how):
        self._set(0, how)

    def lie_about_syncing(self):
        self._set(1, 1)

    def written_back(self):
        """A process died, the system did not: what it wrote is there. Before each start of the store."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        shutil.copytree(self.directory, self.shadow)

    def power_cut(self, rng, torn):
        """Only what was synced is left; if torn, some of the other blocks got there, too."""
        names = {path.name for path in self.shadow.iterdir() if path.is_file()}
        for path in list(self.directory.iterdir()):
            if not path.is_file():
                continue
            if path.name not in names:
                path.unlink()
                continue
            kept = (self.shadow / path.name).read_bytes()
            path.write_bytes(mixed(kept, path.read_bytes(), rng) if torn else kept)
        for name in names:
            if not (self.directory / name).exists():
                shutil.copy(self.shadow / name, self.directory / name)


def mixed(kept, written, rng):
    result = bytearray(kept)
    for at in range(0, len(written), BLOCK):
        block = written[at:at + BLOCK]
        if block != kept[at:at + BLOCK] and rng.random() < 0.5:
            if len(result) < at:
                result.extend(bytes(at - len(result)))
            result[at:at + len(block)] = block
    return bytes(result)
