"""A checker that does what a test wants: answers, fails, keeps silent, talks nonsense, goes away.

It speaks docs/protocol.md on sockets as a checker has them, on a thread of its own.
"""
import threading

import msgpack
import zmq

RETRYABLE = {"not_ready", "unavailable", "timeout", "throttled", "aws", "internal"}
SILENCE = object()


class Failure(Exception):
    def __init__(self, code, message="as the test wants"):
        super().__init__(message)
        self.code = code


class StubChecker:
    def __init__(self, directory, name):
        self.name = name
        self.endpoint = f"ipc://{directory}/checker-{name}.query"
        self.feed_endpoint = f"ipc://{directory}/checker-{name}.feed"
        self.asked = []          # (method, params) of every request
        self.behaviour = None    # called with (method, params): a result, SILENCE, bytes, or raises
        self.peers = [self]      # whom describe tells of
        self.public_key = ""
        self.curve = None        # public and secret key, for an endpoint over TCP
        self.ready = True
        self.mute = False        # on the feed
        self.policy, self.products = None, []
        self.incarnation, self.seq = "one", 0
        self.records, self.overrides = {}, {}
        self.gone, self.overrides_gone = {}, {}  # id: seq of the removal
        self.history_from = 0    # changes before this seq are no longer known
        self.thread = None
        self.context = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.feed = self.context.socket(zmq.XPUB)
        self.inbox = self.context.socket(zmq.PAIR)
        for socket in (self.router, self.feed, self.inbox):
            socket.setsockopt(zmq.LINGER, 0)
        self.inbox.bind("inproc://inbox")
        self.outbox = self.context.socket(zmq.PAIR)
        self.outbox.connect("inproc://inbox")
        if self.curve:
            self.router.curve_publickey, self.router.curve_secretkey = self.curve
            self.router.curve_server = True
        self.router.bind(self.endpoint)
        self.endpoint = self.router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.feed.bind(self.feed_endpoint)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def stop(self):
        if self.thread is None:
            return
        self.outbox.send(b"")
        self.thread.join()
        self.outbox.close()
        self.context.term()
        self.thread = None
        self.context = None

    # What the test does to its state; readers of the feed hear of it.

    def commit(self, records=(), removed=(), overrides=(), overrides_removed=(), lose=False):
        self.seq += 1
        for record in records:
            record["seq"] = self.seq
            self.records[record["id"]] = record
        for override in overrides:
            self.overrides[override["id"]] = override
            self.overrides_gone.pop(override["id"], None)
        for id in removed:
            del self.records[id]
            self.gone[id] = self.seq
        for id in overrides_removed:
            del self.overrides[id]
            self.overrides_gone[id] = self.seq
        if not lose:
            self.tell("commit", [self.incarnation, self.seq, list(records), list(removed),
                                 list(overrides), list(overrides_removed)])

    def tell(self, event, params):
        if self.context:
            self.outbox.send(msgpack.packb([2, event, params]))

    # The thread.

    def _run(self):
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        poller.register(self.feed, zmq.POLLIN)
        poller.register(self.inbox, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(100))
            if self.inbox in ready:
                message = self.inbox.recv()
                if not message:
                    break
                if not self.mute:
                    self.feed.send(message)
            if self.feed in ready:
                self.feed.recv()
            if self.router in ready:
                self._answer(self.router.recv_multipart())
            elif not ready and not self.mute:
                self.feed.send(msgpack.packb([2, "heartbeat", [self.incarnation, self.seq, 1]]))
        for socket in (self.router, self.feed, self.inbox):
            socket.close()

    def _answer(self, frames):
        _, msgid, method, params = msgpack.unpackb(frames[-1], strict_map_key=False)
        self.asked.append((method, params))
        try:
            result = self._result(method, params)
        except Failure as failure:
            reply = [1, msgid, {"code": failure.code, "message": str(failure),
                                "retryable": failure.code in RETRYABLE}, None]
        else:
            if result is SILENCE:
                return
            reply = [1, msgid, None, result]
            if isinstance(result, bytes):
                self.router.send_multipart([*frames[:-1], result])
                return
        self.router.send_multipart([*frames[:-1], msgpack.packb(reply)])

    def _result(self, method, params):
        if method == "describe":
            return self.describe()
        if self.behaviour:
            return self.behaviour(method, params)
        # The last map holds the options, which count for nothing here.
        if params and isinstance(params[-1], dict):
            params = params[:-1]
        return getattr(self, "on_" + method)(*params)

    def describe(self):
        description = {
            "daemon": "entitled-checker", "version": "0", "instance": self.name, "protocol_major": 1,
            "protocol_minor": 0, "ready": self.ready, "products": self.products,
            "peers": [{"daemon": "entitled-checker", "name": peer.name, "endpoints": [peer.endpoint],
                       "feeds": [peer.feed_endpoint], "public_key": peer.public_key, "a key to come": [1]} for peer in self.peers]}
        if self.policy:
            description["policy"] = self.policy
        return description

    def on_check(self, handle, dimension, quantity=1):
        if not handle:
            raise Failure("bad_request")
        return {"allow": True, "reason": "entitled", "granted": 7, "subscription": self.name}

    def on_check_many(self, questions):
        return {"answers": [self.on_check(*question) for question in questions]}

    def on_snapshot(self, after="", limit=1000):
        seq, records = self.seq, dict(self.records)  # the test may change them meanwhile
        ids = sorted(id for id in records if id > (after or ""))
        page = ids[:2]
        result = {"incarnation": self.incarnation, "seq": seq,
                  "subscriptions": [records[id] for id in page]}
        if not after:
            result["overrides"] = list(self.overrides.values())
        if len(ids) > len(page):
            result["next"] = page[-1]
        return result

    def on_changes(self, incarnation, since):
        if incarnation != self.incarnation or since < self.history_from:
            raise Failure("not_found")

        def gone(ids):
            return [id for id, seq in dict(ids).items() if seq > since]

        return {"incarnation": self.incarnation, "seq": self.seq,
                "subscriptions": [record for record in list(self.records.values())
                                  if record["seq"] > since],
                "removed": gone(self.gone), "overrides": list(self.overrides.values()),
                "overrides_removed": gone(self.overrides_gone)}

    def on_entitlements(self, handle):
        def leads_to(record):
            handles = [record["id"], *record.get("aliases", [])]
            handles += [record.get(key) for key in ("tenant", "account_id", "customer_identifier",
                                                    "license_key", "license_arn")]
            return handle in handles or handle.rpartition(":")[2] == record.get("license_key")

        found = [record for record in self.records.values() if leads_to(record)]
        for record in found:
            successor = self.records.get(record.get("successor"))
            if successor and successor not in found:
                found.append(successor)
        return {"incarnation": self.incarnation, "seq": self.seq,
                "holdings": [{"subscription": record, "state": "active"} for record in found]}
