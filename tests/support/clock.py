"""The wall clock of real processes, moved while they run (libfaketime); the monotonic one is left alone."""
import pathlib

from .process import sanitizer_library

LIBRARIES = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86400


class Clock:
    def __init__(self, directory):
        self.file = pathlib.Path(directory) / "clock"
        self.ahead_by(0)

    def environment(self):
        assert LIBRARIES, "libfaketime is missing: ./deploy/install-packages test"
        libraries = [str(name) for name in (sanitizer_library(), LIBRARIES[0]) if name]
        return {"LD_PRELOAD": ":".join(libraries), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_RESET": "1"}

    def ahead_by(self, seconds):
        """From now on every process sees this clock so far ahead (behind, if negative) of ours."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.file)

    def rules(self, *processes):
        for process in processes:
            process.environment = {**process.environment, **self.environment()}
