"""Functions to be called at a time."""
from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

SWEEP_MIN = 64


class Timer:
    def __init__(self, timers: Timers, function: Callable[[], None]) -> None:
        self._timers = timers
        self._function: Callable[[], None] | None = function

    @property
    def is_set(self) -> bool:
        return self._function is not None

    def cancel(self) -> None:
        if self._function:
            self._function = None
            self._timers.count -= 1

    def fire(self) -> None:
        function = self._function
        if function:
            self.cancel()
            function()


class Timers:
    def __init__(self) -> None:
        self.count = 0  # of those that are set; the heap keeps cancelled ones for a while
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def after(self, delay_s: float, function: Callable[[], None]) -> Timer:
        if len(self._heap) > SWEEP_MIN + 2 * self.count:
            self._heap = [entry for entry in self._heap if entry[2].is_set]
            heapq.heapify(self._heap)
        timer = Timer(self, function)
        self.count += 1
        heapq.heappush(self._heap, (time.monotonic() + delay_s, next(self._order), timer))
        return timer

    def delay_s(self) -> float | None:
        """Until the next one; None without one."""
        while self._heap and not self._heap[0][2].is_set:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def fire(self) -> None:
        """Calls those that are due. Timers that they set have their turn next time."""
        now, due = time.monotonic(), []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        for timer in due:
            timer.fire()
