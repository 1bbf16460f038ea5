"""A ZeroMQ context, where its threads may run."""
from __future__ import annotations

import errno
import ipaddress
import os
import threading
from typing import Any

import zmq

from . import _errors


# libzmq looks up names in the thread that carries the connection: those have a thread to themselves, so that a
# silent name server does not delay the others.
IO_THREADS = 2
THREAD_OF_ADDRESSES, THREAD_OF_HOST_NAMES = 1, 2
LOOKUP_WAIT_S = 2


def thread_of(endpoint: str) -> int:
    """A bit for one of the context's threads, as zmq.AFFINITY takes it."""
    if not endpoint.startswith("tcp://"):
        return THREAD_OF_ADDRESSES
    host = endpoint.removeprefix("tcp://").rpartition(":")[0]
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return THREAD_OF_HOST_NAMES
    return THREAD_OF_ADDRESSES


def new() -> Any:
    """libzmq sets the scheduling of each of its threads to what it is already, and aborts the process if
    a filter of system calls forbids that. So the call is tried first."""
    try:
        os.sched_setscheduler(0, os.sched_getscheduler(0), os.sched_getparam(0))
    except OSError as error:
        if error.errno != errno.EINVAL:  # deadline scheduling, which no thread takes over
            raise _errors.Internal(
                f"this process may not call sched_setscheduler(), which libzmq needs: {error.strerror}") from None
    return zmq.Context(IO_THREADS)


def end(context: Any) -> None:
    """libzmq's threads end before its context does. If one of them is waiting for a name server, the
    context is left to itself."""
    ending = threading.Thread(target=context.term, daemon=True)
    ending.start()
    ending.join(LOOKUP_WAIT_S)
