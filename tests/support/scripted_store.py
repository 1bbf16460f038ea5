"""A store of a test's own: answers what the registrar asks from memory, records it, and fails on demand.

The real store is tested by itself and in the story; here a test decides what it says and when.
"""
import threading
import time
import zmq
import msgpack

PARAMS = {
    "token_find": ["token_sha256"],
    "register": ["product_code"],
    "wait": ["subscription", "ticket"],
    "find": ["handle"],
    "contact_get": ["subscription"],
    "contact_put": ["subscription", "fields"],
    "link": ["handle", "tenant"],
    "signing_keys": [],
    "ping": [],
}


class Fail(Exception):
    def __init__(self, code, message="as the test wants it", retryable=False):
        super().__init__(code)
        self.error = {"code": code, "message": message, "retryable": retryable}


class ScriptedStore:
    def __init__(self, run_directory):
        self.endpoint = f"ipc://{run_directory}/private/store.rpc"
        self.subscriptions = {}
        self.tokens = {}
        self.contacts = {}
        self.keys = [{"id": "1", "secret": b"1" * 32, "created_at": 1}]
        self.entitlements = [{"dimension": "seats", "value": 10, "expires_at": 1795435200}]
        self.calls = []
        self.fails = {}  # method -> a list of Fail, one for each call
        self.silent = set()  # methods that are not answered
        self.heard = threading.Condition()
        self.thread = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(self.endpoint)
        self.wake = zmq.Context.instance().socket(zmq.PAIR)
        address = f"inproc://stop-{id(self)}-{time.monotonic_ns()}"
        self.wake.bind(address)
        self.thread = threading.Thread(target=self._serve, args=(address,))
        self.thread.start()
        return self

    def stop(self):
        if self.thread:
            self.wake.send(b"")
            self.thread.join()
            self.wake.close()
            self.thread = None

    def _serve(self, address):
        stop = zmq.Context.instance().socket(zmq.PAIR)
        stop.connect(address)
        poller = zmq.Poller()
        poller.register(stop, zmq.POLLIN)
        poller.register(self.socket, zmq.POLLIN)
        while stop not in dict(poller.poll()):
            *envelope, body = self.socket.recv_multipart()
            answer = self._answer(*msgpack.unpackb(body)[1:])
            if answer is not None:
                self.socket.send_multipart([*envelope, msgpack.packb(answer)])
        stop.close()
        self.socket.close()

    def _answer(self, msgid, method, params):
        options = params.pop() if params and isinstance(params[-1], dict) else {}
        arguments = {**dict(zip(PARAMS[method], params)), **options}
        with self.heard:
            self.calls.append((method, arguments))
            self.heard.notify_all()
            if method in self.silent:
                return None
            try:
                if self.fails.get(method):
                    raise self.fails[method].pop(0)
                return [1, msgid, None, getattr(self, "on_" + method)(**arguments)]
            except Fail as fail:
                return [1, msgid, fail.error, None]

    def wait_call(self, method, count=1, timeout_s=30):
        """Until the method has been called so often; the arguments of the last of these calls."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.called(method)) >= count, timeout_s), \
                f"{method} was not called: {self.calls}"
            return self.called(method)[count - 1]

    def called(self, method):
        return [arguments for name, arguments in self.calls if name == method]

    # The methods.

    def on_signing_keys(self, **_):
        return {"keys": self.keys}

    def on_token_find(self, token_sha256, **_):
        if token_sha256 not in self.tokens:
            raise Fail("not_found")
        return {"subscription": self.subscriptions[self.tokens[token_sha256]]}

    def on_register(self, token_sha256="", timeout_ms=0, trace="", **identity):
        id = "sub-" + (identity.get("license_arn") or identity["customer_identifier"])[-6:]
        created = id not in self.subscriptions
        if created:
            self.subscriptions[id] = {"id": id, "registered_at": 1, "created_at": 1, **identity}
        self.tokens[token_sha256] = id
        return {"subscription": self.subscriptions[id], "created": created, "ticket": 7}

    def on_wait(self, subscription, **_):
        self.list_entitlements(subscription)
        return {"subscription": self.subscriptions[subscription]}

    def list_entitlements(self, subscription):
        now = int(time.time())
        self.subscriptions[subscription].update(
            entitlements=[{**entitlement, "expires_at": now + 86400}
                          for entitlement in self.entitlements], verified_at=now)

    def on_find(self, handle, **_):
        return {"subscriptions": [self.subscriptions[handle]] if handle in self.subscriptions else []}

    def on_contact_get(self, subscription, **_):
        return {"fields": self.contacts.get(subscription, [])}

    def on_contact_put(self, subscription, fields, **_):
        self.contacts[subscription] = fields
        return {}

    def on_link(self, handle, tenant, **_):
        if handle not in self.subscriptions:
            raise Fail("not_found")
        self.subscriptions[handle]["tenant"] = tenant
        return {"subscription": self.subscriptions[handle]}

    def on_ping(self, **_):
        return {"time_ms": int(time.time() * 1000)}
