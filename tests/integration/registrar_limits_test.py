"""How much a stranger may ask of the registration page, with proxies in front of it or without."""
import contextlib
import http.client
import socket

import pytest

from tests.support.hosts import Host
from tests.support.registrar import TOKEN, Registrar

LIMITS = {"rate_limit": 30}
FAR = "198.51.100.7"


@pytest.fixture(scope="module")
def registrar():
    with Registrar(extra=LIMITS) as running:
        yield running


def ask_until_refused(registrar, limit, **headers):
    browser = registrar.browser()
    for count in range(limit):
        answer = browser.ask("GET", "/", **headers)
        if answer.status != 200:
            return count, answer
    return limit, None


def test_each_address_behind_a_trusted_proxy_has_its_own_rate(registrar):
    count, answer = ask_until_refused(registrar, 40, X_Forwarded_For=FAR)
    assert 30 <= count < 40
    assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0
    assert "has not been used up" in answer.body
    assert registrar.browser().ask("GET", "/", X_Forwarded_For="198.51.100.8").status == 200
    # What the caller wrote itself stands before what the proxy added.
    assert registrar.browser().ask("GET", "/", X_Forwarded_For=f"198.51.100.9, {FAR}").status == 429
    assert FAR not in registrar.process.said()
    assert "requests beyond rate_limit are refused" in registrar.process.said()


def test_a_registration_costs_more_and_uses_no_token_up(registrar):
    bought = registrar.buy()
    browser = registrar.browser()
    for _ in range(3):
        assert browser.ask("POST", "/", "a=b", X_Forwarded_For="192.0.2.1",
                           Content_Type="application/x-www-form-urlencoded").status == 400
    calls = len(registrar.store.called("register"))
    refused = browser.ask("POST", "/", f"{TOKEN}={bought['token']}", X_Forwarded_For="192.0.2.1",
                          Content_Type="application/x-www-form-urlencoded")
    assert refused.status == 429
    assert len(registrar.store.called("register")) == calls
    assert registrar.browser().arrive(bought["token"]).status == 200


def test_a_proxy_that_does_not_tell_callers_apart_limits_nobody(registrar):
    assert ask_until_refused(registrar, 50) == (50, None)


def test_health_is_always_told(registrar):
    ask_until_refused(registrar, 40, X_Forwarded_For="203.0.113.5")
    assert registrar.browser().ask("GET", "/healthz", X_Forwarded_For="203.0.113.5").status == 200


def test_without_trusted_proxies_a_claim_is_not_believed():
    with Registrar(extra={**LIMITS, "trusted_proxies": ""}) as registrar:
        count = 0
        browser = registrar.browser()
        while browser.ask("GET", "/", X_Forwarded_For=f"192.0.2.{count}").status == 200:
            count += 1
            assert count < 40


def test_one_address_holds_only_so_many_connections():
    with Registrar(extra={"address_connection_limit": 3, "trusted_proxies": ""}) as registrar, \
            contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", registrar.browser().port)))
                for _ in range(3)]
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in connection.recv(1000)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            registrar.browser().get("/")
        other = stack.enter_context(socket.create_connection(
            ("127.0.0.1", registrar.browser().port), source_address=("127.0.0.9", 0)))
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in other.recv(1000)
        for connection in held:
            connection.close()
        registrar.process.stop()
        assert "turned_away_total=1" in registrar.process.said()
        registrar.process.start()


def is_served(connection):
    try:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return b"200" in connection.recv(1000)
    except ConnectionError:
        return False


def test_a_customers_network_of_ipv6_is_one_address():
    """Whoever has one address of IPv6 has a /64 of them."""
    host = Host().open()
    registrar = Registrar(extra={"address": "::1", "address_connection_limit": 2, "trusted_proxies": ""})
    registrar.process.host = host
    with contextlib.closing(host), registrar, host.inside(), contextlib.ExitStack() as stack:
        answers = []
        for source in ("2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:1::3", "2001:db8:1:2::1"):
            host.add_address(source)
            connection = stack.enter_context(socket.create_connection(
                ("::1", registrar.port), source_address=(source, 0)))
            answers.append(is_served(connection))
        assert answers == [True, True, False, True]
