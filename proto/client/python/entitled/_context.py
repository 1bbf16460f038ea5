"""A ZeroMQ context, where its threads may run."""
from __future__ import annotations

import errno
import os
from typing import Any

import zmq

from . import _errors


def new() -> Any:
    """libzmq sets the scheduling of each of its threads, to what it is, and aborts the process if it may
    not (a filter of system calls): so that is tried first."""
    try:
        os.sched_setscheduler(0, os.sched_getscheduler(0), os.sched_getparam(0))
    except OSError as error:
        if error.errno != errno.EINVAL:  # deadline scheduling, which no thread takes over
            raise _errors.Internal(
                f"this process may not call sched_setscheduler(), which libzmq needs: {error.strerror}") from None
    return zmq.Context()
