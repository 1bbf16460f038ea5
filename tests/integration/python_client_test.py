"""The Python client and real checkers: what is sold is answered, and no checker that dies or hangs costs
an application its answer."""
import asyncio
import pathlib
import sys
import threading
import time

import pytest

from tests.support.suite import BUYER, NEW

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto/clients/python"))

import entitled  # noqa: E402


@pytest.fixture
def deal(suite):
    deal = suite.sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", 10)
    suite.eventually(suite.all_have_caught_up)
    return deal


def clients(suite):
    return entitled.Client(directory=str(suite.run / "public"), timeout_ms=20000)


def test_what_was_bought_is_answered(suite, deal):
    with clients(suite) as client:
        client.wait_ready(20000)
        answer = client.check(deal["license_arn"], "seats", 10)
        assert answer and answer.reason is entitled.Reason.ENTITLED
        assert (answer.granted, answer.stale) == (10, False) and answer.verified_at > 0
        answers = client.check_many([(BUYER, "seats", 10), (BUYER, "seats", 11), (BUYER, "seats", -1),
                                     ("nobody", "seats")])
        assert [one.error or str(one.reason) for one in answers] == [
            "entitled", "insufficient_quantity", "bad_request", "not_subscribed"]
        assert answers[3].subscribe_url == ""  # two products are known
        [holding] = client.entitlements(BUYER, product=NEW).holdings
        assert (holding.state, holding.entitlements[0].counts) == ("active", "yes")
        assert holding.subscription.license_arn == deal["license_arn"]
        # Each hears of the others through the store, in its own time.
        suite.eventually(lambda: {peer.name for peer in client.describe().peers}
                         == set(suite.checkers))
        assert abs(client.ping() / 1000 - time.time()) < 60
        with pytest.raises(entitled.BadRequest, match="finite number"):
            client.check(BUYER, "seats", float("nan"))


def test_fresher_data_is_waited_for(suite, deal):
    with clients(suite) as client:
        before = client.check(BUYER, "seats", 10).verified_at
        suite.eventually(lambda: time.time() > before + 2)
        assert client.check(BUYER, "seats", 10, max_age_ms=1000).verified_at > before


def test_a_checker_that_is_killed_costs_no_answer(suite, deal):
    wrong, asked, stop = [], [0, 0], threading.Event()

    def ask(client, place):
        while not stop.is_set():
            try:
                if not client.check(BUYER, "seats", 10):
                    wrong.append("refused")
            except entitled.Error as error:
                wrong.append(error)
            asked[place] += 1

    def more(count):
        wanted = [number + count for number in asked]
        suite.eventually(lambda: all(a >= b for a, b in zip(asked, wanted)))

    with clients(suite) as client:
        threads = [threading.Thread(target=ask, args=(client, place)) for place in (0, 1)]
        for thread in threads:
            thread.start()
        try:
            for name in ("checker-1", "checker-2"):
                more(100)
                suite[name].kill()
                more(100)
                suite[name].start()
                suite.eventually(suite.all_ready)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert wrong == []


def test_a_checker_that_comes_is_taken_up(suite, deal):
    async def until_heard(client, name):
        deadline = time.monotonic() + 60
        while (await client.describe()).instance != name:
            assert time.monotonic() < deadline
            await asyncio.sleep(0)

    async def main():
        async with entitled.AsyncClient([suite.endpoint_of("1")], timeout_ms=20000) as client:
            assert await client.check(BUYER, "seats", 10)
            await until_heard(client, "2")
            suite.add("checker-3", "entitled-checker", "--name", "3").start()
            await until_heard(client, "3")
            for name in suite.checkers:
                suite[f"checker-{name}"].kill()
            assert all(await asyncio.gather(*(client.check(BUYER, "seats", 10)
                                              for _ in range(100))))

    asyncio.run(main())


def test_the_deadline_is_kept_while_every_checker_hangs(suite, deal):
    processes = [suite[f"checker-{name}"] for name in suite.checkers]
    with clients(suite) as client:
        assert client.check(BUYER, "seats", 10)
        for process in processes:
            process.freeze()
        try:
            began = time.monotonic()
            with pytest.raises(entitled.Timeout) as raised:
                client.check(BUYER, "seats", 10, timeout_ms=300)
            assert 0.25 < time.monotonic() - began < 10 and raised.value.retryable
            with pytest.raises(TimeoutError):
                client.check_many([(BUYER, "seats")], timeout_ms=300)
        finally:
            for process in processes:
                process.thaw()
        assert client.check(BUYER, "seats", 10)
