"""CURVE keys, which tcp:// endpoints need: certificates as "entitlectl keys make" writes them."""
from __future__ import annotations

import os
import re
from typing import NamedTuple

import zmq
import zmq.auth

from . import _errors

_KEY = re.compile(rb"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}")  # Z85 of 32 bytes


class Pair(NamedTuple):
    public: bytes
    secret: bytes


def is_key(text: bytes) -> bool:
    return _KEY.fullmatch(text) is not None


def _load(path: str) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise _errors.BadFile(f"'{path}' cannot be used as a CURVE certificate: {error}") from None
    if not is_key(public) or secret is not None and not is_key(secret):
        raise _errors.BadFile(f"'{path}' is not a CURVE certificate")
    return public, secret


def load_public(path: str) -> bytes:
    """The public half. Raises BadFile."""
    return _load(path)[0]


def load_pair(path: str) -> Pair:
    """Both halves, from `path`_secret, which only its owner may read. Raises BadFile."""
    path += "_secret"
    public, secret = _load(path)
    if os.stat(path).st_mode & 0o077:
        raise _errors.BadFile(f"users other than its owner may use '{path}'; it must have mode 0600")
    if secret is None or zmq.curve_public(secret) != public:
        raise _errors.BadFile(f"the keys of '{path}' do not belong together")
    return Pair(public, secret)
