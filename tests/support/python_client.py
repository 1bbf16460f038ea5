#!/usr/bin/python3
"""The Python client on standard input and output, as tests/support/ask.c puts libentitled there: the same
arguments, lines and outcomes, so that the same tests judge both."""
import argparse
import asyncio
import dataclasses
import json
import os
import sys

import entitled
from conformance import DEFAULTS


def outcome_of(answer):
    if answer.error:
        return {"error": answer.error, "message": answer.message}
    fields = dataclasses.asdict(answer)
    del fields["error"], fields["message"]
    return {"answer": {name: value for name, value in fields.items()
                       if name not in DEFAULTS or value is not DEFAULTS[name] and (
                           name == "granted" or value != DEFAULTS[name])}, "age_ms": -1}


def failed(error):
    return {"error": error.code, "message": error.message, "retryable": error.retryable}


class Blocking:
    """Calls of a client as they are, or awaited: `run` does either."""

    kind = entitled.Client

    def __init__(self, **options):
        self.client = self.kind(**options)

    def run(self, called):
        return called

    def close(self):
        self.run(self.client.close())

    def ask(self, question):
        try:
            return outcome_of(self.run(self.client.check(
                question.pop("handle", None), question.pop("dimension", None), **question)))
        except entitled.Error as error:
            return failed(error)

    def ask_many(self, questions):
        triples = [(one["handle"], one["dimension"], one.get("quantity", 1)) for one in questions]
        try:
            answers = self.run(self.client.check_many(triples, product=questions[0].get("product")))
        except entitled.Error as error:
            return {"error": error.code, "answers": [failed(error)] * len(questions)}
        return {"answers": [outcome_of(answer) for answer in answers]}

    def wait_ready(self, timeout_ms):
        try:
            self.run(self.client.wait_ready(timeout_ms))
        except entitled.Error as error:
            return {"ready": False, "error": error.code, "message": error.message}
        return {"ready": True}


class Asynchronous(Blocking):
    kind = entitled.AsyncClient

    def __init__(self, **options):
        self.runner = asyncio.Runner()
        super().__init__(**options)

    def run(self, called):
        return self.runner.run(as_coroutine(called))


async def as_coroutine(awaitable):
    return await awaitable


def ask_in_child(client, question):
    child = os.fork()
    if child == 0:
        if isinstance(client, Asynchronous):
            client.runner = asyncio.Runner()
        client.wait_ready(10000)
        say(client.ask(question))
        client.close()
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("the child failed")


def say(line):
    print(json.dumps(line), flush=True)


def run_line(client, line):
    if "wait_ms" in line:
        say(client.wait_ready(line["wait_ms"]))
    elif "many" in line:
        say(client.ask_many(line["many"]))
    elif "counts" in line:
        say(client.client.counts()._asdict())
    elif "fork" in line:
        ask_in_child(client, line["fork"])
    else:
        say(client.ask(line))


def options_of(arguments):
    options = {"checkers": arguments.checker, "directory": arguments.directory,
               "discovery": not arguments.no_discovery, "file": arguments.file,
               "timeout_ms": arguments.timeout_ms, "hedge_ms": arguments.hedge_ms,
               "certificate": arguments.certificate,
               "checker_certificate": arguments.checker_certificate}
    return {name: value for name, value in options.items() if value is not None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["remote", "file"])
    parser.add_argument("--checker", action="append")
    parser.add_argument("--directory")
    parser.add_argument("--file")
    parser.add_argument("--certificate")
    parser.add_argument("--checker-certificate")
    parser.add_argument("--no-discovery", action="store_true")
    parser.add_argument("--timeout-ms", type=int)
    parser.add_argument("--hedge-ms", type=int)
    parser.add_argument("--async", action="store_true", dest="asynchronous")
    arguments = parser.parse_args()
    try:
        client = (Asynchronous if arguments.asynchronous else Blocking)(**options_of(arguments))
    except entitled.Error as error:
        print(f"ask: {error}", file=sys.stderr)
        sys.exit(2)
    for line in sys.stdin:
        run_line(client, json.loads(line))
    client.close()


if __name__ == "__main__":
    main()
