"""Counts fork(): connections are not for the child, and process ids are used again."""
import os

_generation = 0


def _on_fork_in_child() -> None:
    global _generation
    _generation += 1


os.register_at_fork(after_in_child=_on_fork_in_child)


def generation() -> int:
    return _generation
