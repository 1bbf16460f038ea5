"""A connection to one checker."""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack
import zmq

from ._context import thread_of

# As the daemons set theirs (proto/endpoint/socket.c).
FRAME_LIMIT_BYTES = 2 * 1024 * 1024
QUEUE_MESSAGES = 10000
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 5000, 15000
RECONNECT_MS, RECONNECT_MAX_MS = 50, 1000
MESSAGES_PER_TURN = 256

Socket = Any  # zmq.Socket, whose type parameters differ between versions of pyzmq


class Curve(NamedTuple):
    """Our key pair, and the key that must be shown at the other end."""

    public: bytes
    secret: bytes
    server: bytes


def open_socket(context: Any, endpoint: str, curve: Curve | None = None) -> Socket:
    """The one place where a socket to a checker is made, before it connects."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.AFFINITY, thread_of(endpoint))
    socket.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT_BYTES)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.RCVHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    if curve:
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = curve
    return socket


def pack_request(msgid: int, method: str, params: list[object]) -> bytes:
    packed: bytes = msgpack.packb([0, msgid, method, params])
    return packed


def unpack_response(payload: bytes) -> tuple[int, object, object] | None:
    """(msgid, error, result), or None if it is not a response: a peer may send anything."""
    try:
        # Texts that are not UTF-8 fail where they are read; the members beside them are kept.
        frame = msgpack.unpackb(payload, strict_map_key=False, unicode_errors="surrogateescape")
    except Exception:
        return None
    if not isinstance(frame, list) or len(frame) != 4 or type(frame[0]) is not int or frame[0] != 1:
        return None
    _, msgid, error, result = frame
    return (msgid, error, result) if type(msgid) is int else None


class Link:
    """Sends requests while it is up. Responses go to `on_response`, its ups and downs to
    `on_connection`. Both are called from receive() and see() only."""

    def __init__(self, context: Any, endpoint: str, curve: Curve | None,
                 on_response: Callable[[int, object, object], None],
                 on_connection: Callable[[bool], None]) -> None:
        self.connected = False
        self._on_response, self._on_connection = on_response, on_connection
        self.dealer = open_socket(context, endpoint, curve)
        try:
            self.monitor: Socket = self.dealer.get_monitor_socket(
                zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
            self.dealer.connect(endpoint)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        monitor = getattr(self, "monitor", None)
        if monitor is not None:
            self.dealer.disable_monitor()
            monitor.close(0)
        self.dealer.close(0)

    def send(self, payload: bytes) -> bool:
        if not self.connected:
            return False
        try:
            # The empty frame first, as a REQ socket would send it.
            self.dealer.send_multipart([b"", payload], zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def receive(self) -> None:
        for _ in range(MESSAGES_PER_TURN):
            try:
                payload = self.dealer.recv_multipart(zmq.DONTWAIT)[-1]
            except zmq.Again:
                return
            response = unpack_response(payload)
            if response:
                self._on_response(*response)

    def see(self) -> None:
        """An event of the monitor: [event number and value, address]; zmq_socket_monitor(3)."""
        while True:
            try:
                event = self.monitor.recv_multipart(zmq.DONTWAIT)[0]
            except zmq.Again:
                return
            connected = int.from_bytes(event[:2], sys.byteorder) == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if connected != self.connected:
                self.connected = connected
                self._on_connection(connected)
