"""Registrar and store as real processes: what the page shows is what the store keeps."""
import pytest

from tests.support.process import Process
from tests.support.registrar import BUYER, LEGACY, NEW, TOKEN, Registrar, hidden
from tests.support.rpc import Client


@pytest.fixture
def registrar():
    running = Registrar(start_store=False)
    with running.config.open("a") as config:
        config.write(f"\n[store]\ndirectory = {running.directory}/state\nfree_space_floor = 0\n")
    store = Process("store", ["entitled-store", "--config", running.config],
                    running.directory / "store.log").start()
    running.real_store = store
    running.client = Client(running.store.endpoint)
    try:
        with running:
            yield running
    finally:
        running.client.close()
        assert store.stop() == 0, store.tail()
        store.check_sanitizers()


@pytest.mark.parametrize("product", [NEW, LEGACY])
def test_a_registration_is_kept(registrar, product):
    deal = registrar.buy(product=product)
    browser = registrar.browser()
    page = browser.arrive(deal["token"])
    assert "/registration/status" in page.body  # nobody asks AWS here
    sent = browser.post("/registration", {"form_word": hidden(page.body, "form_word"),
                                          "email": "buyer@example.com", "company": "Ä & Co"})
    assert sent.status == 303
    assert "buyer@example.com" in browser.get("/registration").body

    kept, = registrar.client.call("find", BUYER)["subscriptions"]
    assert kept["product_code"] == product and kept["registered_at"] > 0
    contact = registrar.client.call("contact_get", kept["id"])["fields"]
    assert {field["name"]: field["value"] for field in contact} == {
        "email": "buyer@example.com", "company": "Ä & Co"}
    due = registrar.client.call("due", kept["id"])
    assert due["class"] == "registration"


def test_a_token_seen_before_leads_to_what_is_kept(registrar):
    deal = registrar.buy()
    registrar.browser().arrive(deal["token"])
    registrar.sandbox.fault(operation="ResolveCustomer", kind="error500", count=-1)
    assert BUYER in registrar.browser().arrive(deal["token"]).body
    assert len(registrar.client.call("list")["subscriptions"]) == 1


def test_sessions_survive_the_store_and_another_registrar(registrar):
    browser = registrar.browser()
    browser.arrive(registrar.buy()["token"])
    registrar.real_store.kill()
    assert browser.get("/registration").status == 503
    assert browser.post("/", {TOKEN: "t"}).status == 503
    registrar.real_store.start()
    page = browser.get("/registration")
    assert page.status == 200

    registrar.process.stop()
    registrar.process.start()
    again = registrar.browser()
    again.port = registrar.current_port()
    again.cookie = browser.cookie
    assert again.get("/registration").status == 200


def test_a_link_is_good_once_whichever_registrar_gets_it(registrar):
    link = registrar.browser().post("/", {TOKEN: registrar.buy()["token"]}).target
    assert registrar.browser().get(link).status == 303
    registrar.process.stop()
    registrar.process.start()
    elsewhere = registrar.browser()
    elsewhere.port = registrar.current_port()
    used = elsewhere.get(link)
    assert used.status == 403 and "once" in used.body
