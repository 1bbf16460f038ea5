"""Rounds of load, questions and disturbances, each followed by a calm in which everything must be right.

One seed drives it all: each round's plan comes from the seed and the round's number.
"""
import random
import threading
import time

from .disturb import Disturber
from .load import Load, Writer
from .model import Failure, Judge, World
from .town import Town
from .watch import Asker, Reckoning

ROUND_S = 8
# What AWS said must be seen within this time of calm: messages come back after their visibility
# timeout, and the evidence of an end takes two calls.
CALM_S = 60
LANES = 2


class Campaign:
    def __init__(self, seed, mutant=None, lying_disk=False, log=lambda line: None, only=None,
                 always_lies=False, calm_s=CALM_S):
        self.seed, self.log, self.only, self.always_lies = seed, log, only, always_lies
        self.calm_s = calm_s
        self.began = time.monotonic()
        self.judge, self.world = Judge(log), World()
        self.town = Town(mutant)
        if lying_disk:
            self.town.disk.lie_about_syncing()
        self.stopping = threading.Event()
        self.threads = []
        self.rounds = 0

    def run(self, seconds):
        """The counts; raises Failure."""
        deadline = time.monotonic() + seconds
        try:
            self.town.start()
            self._begin()
            while not self.rounds or time.monotonic() + ROUND_S < deadline:
                self._round()
                self.judge.check()
        finally:
            self._end()
        self.judge.check()
        self.judge.count("losses", len(self.judge.wrongs))
        return self.judge.counts

    def _begin(self):
        town, judge = self.town, self.judge
        self.load = Load(town, self.world, judge)
        self.disturber = Disturber(town, self.world, judge, self.log)
        self.reckoning = Reckoning(town, self.world, judge)
        workers = [Asker(town, self.world, judge, name, f"{self.seed}-{name}")
                   for name in town.checkers] + [Writer(town, self.world, judge)]
        for worker in workers:
            self._spawn(self._repeat, worker)

    def _spawn(self, function, *arguments):
        thread = threading.Thread(target=self._guarded, args=(function, *arguments), daemon=True)
        thread.start()
        self.threads.append(thread)
        return thread

    def _guarded(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as error:  # a thread's end must not pass in silence
            self.judge.wrong(f"{function.__name__}: {type(error).__name__}: {error}")

    def _repeat(self, worker):
        while not self.stopping.is_set():
            worker.step()
        worker.client.close()

    def _play(self, steps, do, begun):
        """Each step at its time, but none after the first wrong answer: its traces stay fresh."""
        for step in steps:
            left = begun + step["at"] - time.monotonic()
            if left > 0:
                self.stopping.wait(left)
            if self.stopping.is_set() or self.judge.wrongs:
                return
            do(step)

    def _round(self):
        rng = random.Random(f"{self.seed}-{self.rounds}")
        lies = self.always_lies or rng.random() < 0.3
        span_s = ROUND_S if self.rounds else ROUND_S / 2
        begun = time.monotonic()
        actions = self.load.plan(rng, span_s, 4, dated=not lies)
        lanes = []
        if self.rounds:  # the first round makes customers
            for _ in range(LANES):
                blows, weather = self.disturber.plan(rng, span_s, lies, self.only)
                lanes.append(self._spawn(self._play, blows, self.disturber.do, begun))
            lanes.append(self._spawn(self._play, weather, self.disturber.spoil, begun))
        self._play(actions, self.load.do, begun)
        for lane in lanes:
            lane.join()
        self._reckon()
        self.rounds += 1
        self.judge.count("rounds")

    def _reckon(self):
        begun = time.monotonic()
        self.disturber.clear_the_sky()
        self.load.renew_dates()
        self.load.settle()
        # A notice that the sky held back goes with the next one.
        self.load.buy({"seats": 1, "new": True})
        self.load.buy({"seats": 1, "new": False})
        self.load.settle()
        if self.judge.wrongs:
            return
        self.reckoning.wait_until_equal(self.calm_s)
        self.reckoning.check_writes()
        self.reckoning.check_replicas()
        self.reckoning.check_aws()
        self.reckoning.check_usage()
        self.reckoning.forget_the_oldest()
        self.log(f"round {self.rounds}: calm after {time.monotonic() - begun:.1f} s, "
                 f"{len(self.world.active())} customers")

    def _end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)
        if hasattr(self, "load"):
            self.load.close()
        try:
            self.town.close(keep=bool(self.judge.wrongs))
        except AssertionError as error:
            self.judge.wrong(str(error))


def summary(counts):
    kills = sum(counts.get(kind, 0) for kind in ("kill", "power_cut", "ended by a full disk"))
    other = sum(counts.get(kind, 0) for kind in ("stop", "restart", "low_disk", "zombie"))
    faults = sum(number for name, number in counts.items() if name.startswith("fault: "))
    return (f"kills survived: {kills} ({counts.get('power_cut', 0)} of them power cuts), other "
            f"disturbances: {other}, AWS faults: {faults}, rounds: {counts.get('rounds', 0)}\n"
            f"messages: {counts.get('messages', 0)}, registrations: "
            f"{counts.get('registrations acknowledged', 0)}, writes acknowledged: "
            f"{counts.get('writes acknowledged', 0)}\n"
            f"answers checked: {counts.get('answers checked', 0)}, losses: {counts['losses']}")


__all__ = ["Campaign", "Failure", "summary"]
