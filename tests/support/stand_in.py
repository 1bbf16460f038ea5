"""Plays a daemon of ours: answers at an endpoint as the test says, and keeps what it was asked."""
import threading

import msgpack
import zmq


class Refusal(Exception):
    """What a handler raises to answer with an error."""

    def __init__(self, code, message="as the test has it", retryable=True):
        super().__init__(message)
        self.answer = {"code": code, "message": message, "retryable": retryable}


class StandIn:
    """handlers: method -> function of the parameters; one that returns None does not answer."""

    def __init__(self, endpoint, **handlers):
        self.endpoint = endpoint
        self.handlers = handlers
        self.asked = []
        self.arrived = threading.Condition()
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopped.set()
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while not self.stopped.is_set():
            if self.socket.poll(20):
                *envelope, payload = self.socket.recv_multipart()
                answer = self._answer(*msgpack.unpackb(payload, strict_map_key=False)[1:])
                if answer:
                    self.socket.send_multipart([*envelope, msgpack.packb(answer)])

    def _answer(self, msgid, method, params):
        if params and isinstance(params[-1], dict) and "timeout_ms" in params[-1]:
            # Every caller of ours gives its options last; those of the frame are not the method's.
            *params, options = params
            options = {name: value for name, value in options.items()
                       if name not in ("timeout_ms", "trace")}
            params = [*params, options] if options else params
        with self.arrived:
            self.asked.append((method, params))
            self.arrived.notify_all()
        try:
            result = self.handlers[method](*params)
        except KeyError:
            return [1, msgid, Refusal("unknown_method", retryable=False).answer, None]
        except Refusal as refusal:
            return [1, msgid, refusal.answer, None]
        return None if result is None else [1, msgid, None, result]

    def wait_asked(self, count, method=None, timeout_s=30):
        """The parameters of the first so many requests of the method."""
        def of_method():
            return [params for name, params in self.asked if method in (None, name)]

        with self.arrived:
            assert self.arrived.wait_for(lambda: len(of_method()) >= count, timeout_s), self.asked
        return of_method()[:count]
