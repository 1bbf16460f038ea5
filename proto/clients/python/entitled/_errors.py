"""Exceptions: one for each code of docs/errors.md, and the client's own."""
from __future__ import annotations

import builtins


class Error(Exception):
    """There is no answer. `code` is the word of docs/errors.md, `message` a sentence; the same
    question may be answered later if `retryable`."""

    code = "internal"
    retryable = True

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class BadRequest(Error):
    """The request is not one that this method takes."""

    code = "bad_request"
    retryable = False


class UnknownMethod(Error):
    """There is no such method here."""

    code = "unknown_method"
    retryable = False


class NotFound(Error):
    """The thing asked for does not exist."""

    code = "not_found"
    retryable = False


class Conflict(Error):
    """The request contradicts what is there, or another came first."""

    code = "conflict"
    retryable = False


class NotReady(Error):
    """The data is not complete yet."""

    code = "not_ready"


class Unavailable(Error):
    """A process or service that the answer needs cannot be reached."""

    code = "unavailable"


class Timeout(Error, builtins.TimeoutError):
    """The time given for the request has passed."""

    code = "timeout"


class Throttled(Error):
    """Too many requests at once."""

    code = "throttled"


class Aws(Error):
    """AWS answered with an error."""

    code = "aws"


class Internal(Error):
    """Something failed that should not; the log of the daemon says what."""

    code = "internal"


class Cancelled(Error):
    """The client was closed."""

    code = "cancelled"
    retryable = False


class BadFile(Error):
    """The file of the file mode cannot be read or understood."""

    code = "bad_file"
    retryable = False


_SAID_BY_CHECKERS: dict[str, type[Error]] = {kind.code: kind for kind in (
    BadRequest, UnknownMethod, NotFound, Conflict, NotReady, Unavailable, Timeout, Throttled, Aws,
    Internal)}


def of_code(code: object, message: object) -> Error:
    """The exception of a code on the wire; one that this version does not know is Internal."""
    kind: type[Error] = Internal
    if isinstance(code, str):
        kind = _SAID_BY_CHECKERS.get(code, Internal)
    return kind(message if isinstance(message, str) else "")
