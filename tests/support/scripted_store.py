"""A store of a test's own: answers what the registrar asks from memory, and fails on demand.

The real store is tested by itself and in the story; here a test decides what it says and when.
"""
import threading
import time

from .stand_in import Refusal, StandIn

PARAMS = {
    "token_find": ["token_sha256"],
    "reference_use": ["nonce", "subscription", "expires_at"],
    "register": ["product_code"],
    "wait": ["subscription", "ticket"],
    "find": ["handle"],
    "contact_get": ["subscription"],
    "contact_put": ["subscription", "fields"],
    "link": ["handle", "tenant"],
    "link_typed": ["subscription", "tenant"],
    "signing_keys": [],
    "record_event": ["event", "text"],
    "announce": ["peer"],
    "ping": [],
}


class ScriptedStore:
    def __init__(self, run_directory):
        self.endpoint = f"ipc://{run_directory}/private/store.rpc"
        self.subscriptions = {}
        self.tokens = {}
        self.contacts = {}
        self.used = set()
        self.keys = [{"id": "1", "secret": b"1" * 32, "created_at": 1}]
        self.entitlements = [{"dimension": "seats", "value": 10}]
        self.calls = []
        self.fails = {}  # method -> a list of Refusal, one for each call
        self.silent = set()  # methods that are not answered
        self.heard = threading.Condition()
        self.stand_in = None

    def start(self):
        self.stand_in = StandIn(self.endpoint, **{name: self._handler(name) for name in PARAMS})
        return self

    def stop(self):
        if self.stand_in:
            self.stand_in.close()
            self.stand_in = None

    def _handler(self, method):
        def handle(*params):
            *params, options = params if params and isinstance(params[-1], dict) else (*params, {})
            arguments = {**dict(zip(PARAMS[method], params)), **options}
            with self.heard:
                self.calls.append((method, arguments))
                self.heard.notify_all()
                if method in self.silent:
                    return None
                if self.fails.get(method):
                    raise self.fails[method].pop(0)
                return getattr(self, "on_" + method)(**arguments)
        return handle

    def wait_call(self, method, count=1, timeout_s=30):
        """Until the method has been called so often; the arguments of the last of these calls."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.called(method)) >= count, timeout_s), \
                f"{method} was not called: {self.calls}"
            return self.called(method)[count - 1]

    def called(self, method):
        return [arguments for name, arguments in self.calls if name == method]

    # The methods.

    def on_record_event(self, event, text):
        return {}

    def on_announce(self, peer, **_):
        return {"peers": []}

    def on_signing_keys(self):
        return {"keys": self.keys}

    def on_token_find(self, token_sha256):
        if token_sha256 not in self.tokens:
            raise Refusal("not_found", retryable=False)
        return {"subscription": self.subscriptions[self.tokens[token_sha256]]}

    def on_reference_use(self, nonce, subscription, expires_at):
        if nonce in self.used:
            raise Refusal("conflict", retryable=False)
        self.used.add(nonce)
        return {}

    def on_register(self, token_sha256="", **identity):
        id = "sub-" + (identity.get("license_arn") or identity["customer_identifier"])[-6:]
        created = id not in self.subscriptions
        if created:
            self.subscriptions[id] = {"id": id, "registered_at": 1, "created_at": 1, **identity}
        self.tokens[token_sha256] = id
        return {"subscription": self.subscriptions[id], "created": created, "ticket": 7}

    def on_wait(self, subscription, ticket):
        self.list_entitlements(subscription)
        return {"subscription": self.subscriptions[subscription]}

    def list_entitlements(self, subscription):
        now = int(time.time())
        self.subscriptions[subscription].update(
            entitlements=[{**entitlement, "expires_at": now + 86400}
                          for entitlement in self.entitlements], verified_at=now)

    def on_find(self, handle):
        return {"subscriptions": [found for found in self.subscriptions.values()
                                  if handle in (found["id"], found.get("tenant"))]}

    def on_contact_get(self, subscription):
        return {"fields": self.contacts.get(subscription, [])}

    def on_contact_put(self, subscription, fields):
        self.contacts[subscription] = fields
        return {}

    def on_link(self, handle, tenant, cause):
        if handle not in self.subscriptions:
            raise Refusal("not_found", retryable=False)
        self.subscriptions[handle]["tenant"] = tenant
        return {"subscription": self.subscriptions[handle]}

    def on_link_typed(self, subscription, tenant):
        ours = self.subscriptions[subscription]
        if any(other["account_id"] != ours["account_id"] for other in self.on_find(tenant)["subscriptions"]):
            raise Refusal("conflict", retryable=False)
        ours["tenant"] = tenant
        return {"subscription": ours}

    def on_ping(self):
        return {"time_ms": int(time.time() * 1000)}
