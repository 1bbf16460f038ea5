"""A client of entitled written from docs/protocol.md: ZeroMQ and MessagePack, nothing of ours."""
import itertools

import msgpack
import zmq


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.retryable = error["retryable"]


class Client:
    """Asks one endpoint; DEALER, or REQ if so wanted."""

    _context = zmq.Context.instance()

    def __init__(self, endpoint, kind=zmq.DEALER, timeout_ms=30000, curve=None):
        """curve: for tcp://, our public and secret key and the key of who answers."""
        self.socket = self._context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        if curve:
            self.socket.curve_publickey, self.socket.curve_secretkey, self.socket.curve_serverkey = curve
        self.socket.connect(endpoint)
        self.endpoint = endpoint
        self.timeout_ms = timeout_ms
        self.ids = itertools.count(1)

    def close(self):
        self.socket.close()

    def send(self, method, *params, **options):
        """Sends a request and returns its msgid."""
        msgid = next(self.ids)
        if options:
            params = (*params, options)
        self.socket.send(msgpack.packb([0, msgid, method, list(params)]))
        return msgid

    def receive(self, msgid=None):
        """The next response (of that msgid): its result, or RpcError."""
        while True:
            if not self.socket.poll(self.timeout_ms):
                raise TimeoutError(f"no answer from {self.endpoint}")
            kind, answered, error, result = msgpack.unpackb(self.socket.recv(), strict_map_key=False)
            assert kind == 1
            if msgid is None or answered == msgid:
                break
        if error is not None:
            raise RpcError(error)
        return result

    def call(self, method, *params, **options):
        return self.receive(self.send(method, *params, **options))


class Feed:
    """Follows one feed or several."""

    def __init__(self, *endpoints):
        self.socket = Client._context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        for endpoint in endpoints:
            self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def next(self, timeout_ms):
        """(event, params), or None when nothing came."""
        if not self.socket.poll(max(0, timeout_ms)):
            return None
        kind, event, params = msgpack.unpackb(self.socket.recv(), strict_map_key=False)
        assert kind == 2
        return event, params
