"""The registration page, step by step: arrival, ResolveCustomer, the page, the form."""
import hashlib
import http.client
import json
import pathlib
import re
import threading
import urllib.parse

import pytest

from tests.support.registrar import BUYER, LEGACY, NEW, TOKEN, CannedAws, Registrar, hidden
from tests.support.stand_in import Refusal

FIXTURES = json.loads((pathlib.Path(__file__).parents[1] / "vectors/aws-wire-examples.json").read_text())
RESOLVE = FIXTURES["metering_service"]["resolve_customer"]


@pytest.fixture
def registrar():
    with Registrar() as running:
        yield running


def test_a_buyer_registers_and_sees_what_was_bought(registrar):
    bought = registrar.buy()
    browser = registrar.browser()

    arrival = browser.post("/", {TOKEN: bought["token"]})
    assert arrival.status == 303
    assert arrival.location.path == "/registration" and arrival.location.query.startswith("ref=")
    opened = browser.get(arrival.target)
    cookie = opened.headers["Set-Cookie"]
    assert opened.status == 303 and opened.target == "/registration"
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie  # public_url is plain http, on loopback
    page = browser.get("/registration")
    assert page.status == 200
    assert "Welcome to Example &lt;Product&gt;" in page.body
    assert '<th scope="row">seats</th><td>10</td>' in page.body
    assert "Your subscription is active" in page.body
    assert BUYER in page.body and "support@vendor.example" in page.body
    assert "https://app.vendor.example/login" in page.body

    registered = registrar.store.called("register")[0]
    assert registered["product_code"] == NEW
    assert registered["account_id"] == BUYER
    assert registered["license_arn"] == bought["license_arn"]
    assert registered["token_sha256"] == hashlib.sha256(bought["token"].encode()).hexdigest()
    assert registrar.store.called("wait")[0]["ticket"] == 7
    assert registrar.sandbox.counts()["ResolveCustomer"] == 1


def test_a_legacy_listing_registers_by_its_identifier(registrar):
    bought = registrar.buy(product=LEGACY, free_trial=True)
    page = registrar.browser().arrive(bought["token"], **{"x-amzn-marketplace-offer-type": "free-trial"})
    registered = registrar.store.called("register")[0]
    assert registered["customer_identifier"] == bought["customer_identifier"]
    assert registered["free_trial"] is True
    assert "license_arn" not in registered
    assert "Example Classic" in page.body


def test_the_form_is_judged_and_kept(registrar):
    browser = registrar.browser()
    page = browser.arrive(registrar.buy()["token"])
    word = hidden(page.body, "form_word")

    wrong = browser.post("/registration", {"form_word": word, "email": "nobody", "company": "<Acme>",
                                           "phone": ""})
    assert wrong.status == 422
    assert "This is not an e-mail address." in wrong.body
    assert 'value="&lt;Acme&gt;"' in wrong.body
    assert not registrar.store.called("contact_put")

    sent = browser.post("/registration", {"form_word": word, "email": " buyer@example.com ",
                                          "company": "Ä & Co", "surplus": "x"})
    assert sent.status == 303 and sent.target == "/registration"
    assert registrar.store.called("contact_put")[0]["fields"] == [
        {"name": "email", "value": "buyer@example.com"}, {"name": "company", "value": "Ä & Co"}]
    thanks = browser.get("/registration")
    assert "Thank you, you are registered" in thanks.body
    assert "buyer@example.com" in thanks.body and "Ä &amp; Co" in thanks.body
    again = browser.get("/registration?edit=1")
    assert 'value="buyer@example.com"' in again.body
    assert not registrar.said("buyer@example.com"), "personal data in the log"


def test_a_form_from_elsewhere_is_refused(registrar):
    bought = registrar.buy()
    browser, other = registrar.browser(), registrar.browser()
    browser.arrive(bought["token"])
    word = hidden(other.arrive(bought["token"]).body, "form_word")
    fields = {"email": "a@example.com", "company": "x"}

    assert browser.post("/registration", {**fields, "form_word": word}).status == 403
    assert browser.post("/registration", fields).status == 403
    browser.cookie = None
    assert browser.post("/registration", {**fields, "form_word": word}).status == 403
    assert not registrar.store.called("contact_put")


def test_reload_and_repeat_are_harmless(registrar):
    bought = registrar.buy()
    browser = registrar.browser()
    arrival = browser.post("/", {TOKEN: bought["token"]})
    browser.get(arrival.target)

    assert browser.get(arrival.target).target == "/registration"  # back and forth, with the cookie
    assert browser.get("/registration").status == 200
    assert browser.get("/registration").status == 200
    assert browser.post("/", {TOKEN: bought["token"]}).status == 303
    assert len(registrar.store.subscriptions) == 1
    stranger = registrar.browser()
    used = stranger.get(arrival.target)
    assert used.status == 403 and "once" in used.body
    assert registrar.store.wait_call("record_event") == {
        "event": "refused", "text": "registrar: a link that is forged, used or too old"}
    assert stranger.get("/registration").status == 403


@pytest.mark.parametrize("target", ["/registration?ref=", "/registration?ref=x",
                                    "/registration?ref=MQ.c3Vi.99999999999.AAAA.AAAA"])
def test_a_made_up_link_opens_nothing(registrar, target):
    browser = registrar.browser()
    assert browser.get(target).status == 403
    browser.cookie = "entitled=MQ.c3Vi.99999999999.AAAA.AAAA"
    assert browser.get("/registration").status == 403
    assert not registrar.store.called("find")


@pytest.mark.parametrize("others", [("{ours}", "entitled=theirs"), ("entitled=theirs", "{ours}"),
                                    ("entitled=", "entitled=1", "{ours}", "entitled=2")])
def test_another_cookie_of_its_name_changes_nothing(registrar, others):
    browser = registrar.browser()
    browser.arrive(registrar.buy()["token"])
    browser.cookie = "; ".join(others).format(ours=browser.cookie)
    page = browser.get("/registration")
    assert page.status == 200, page.body
    assert browser.post("/registration", {"word": "x"}).status == 403  # the form's word still counts


def test_a_dead_token_that_was_redeemed_before_leads_to_what_we_hold(registrar):
    bought = registrar.buy()
    registrar.browser().arrive(bought["token"])
    registrar.sandbox.fault(operation="ResolveCustomer", kind="error500", count=-1)
    assert "seats" in registrar.browser().arrive(bought["token"]).body
    assert len(registrar.store.called("register")) == 1


def test_dead_tokens_have_their_page(registrar):
    bought = registrar.buy()
    expired = registrar.sandbox.token(agreement=bought["agreement_id"], expired=True)
    for token, said in ((expired["token"], "this one has expired"), ("nonsense", "does not know the registration")):
        answer = registrar.browser().post("/", {TOKEN: token})
        assert answer.status == 400
        assert said in answer.body and "Set up your account" in answer.body
        assert ("expired" in answer.body) == (token != "nonsense")
    assert not registrar.store.called("register")


@pytest.mark.parametrize("name, status", [
    ("paid", 400), ("free_trial", 400), ("undocumented_extra_fields_seen_in_public_code", 400),
    ("plus_not_escaped", 400), ("missing_token", 400), ("empty_token", 400), ("duplicate_token", 400),
    ("bookmark_get", 200), ("readiness_tool_style_get", 200)])
def test_every_shape_of_arrival_is_understood(name, status):
    request = FIXTURES["landing_page_requests"][name]
    with CannedAws(RESOLVE["errors"]["InvalidTokenException"]) as aws, \
            Registrar(aws.url) as registrar:
        browser = registrar.browser()
        if request["method"] == "GET":
            answer = browser.get("/?" + request["query"])
            assert "https://aws.amazon.com/marketplace/pp/example" in answer.body
        else:
            answer = browser.ask("POST", "/", request["raw_body"], **request["headers"])
        assert answer.status == status
        assert aws.tokens == ([request["expect_token"]] if "expect_token" in request and
                              request["method"] == "POST" else [])


@pytest.mark.parametrize("name", [name for name in RESOLVE if name.startswith("response_")])
def test_every_answer_of_resolve_customer_is_understood(name):
    body = RESOLVE[name]["body"]
    with CannedAws(RESOLVE[name]) as aws, Registrar(aws.url) as registrar:
        answer = registrar.browser().post("/", {TOKEN: "t"})
        registered = registrar.store.called("register")
        if name == "response_wrong_product":
            assert answer.status == 403 and "not set up here" in answer.body
            assert not registered and not registrar.store.subscriptions
            return
        assert answer.status == 303
        assert registered[0]["product_code"] == body["ProductCode"]
        assert registered[0].get("account_id") == body["CustomerAWSAccountId"]
        assert registered[0].get("license_arn") == body.get("LicenseArn")
        assert registered[0].get("customer_identifier") == (body.get("CustomerIdentifier") or None)


DEAD, AWAY, REFUSED = 400, 503, 502


@pytest.mark.parametrize("name, status", [
    ("InvalidTokenException", DEAD), ("ExpiredTokenException_registration", DEAD),
    ("namespaced_type_capital_message", DEAD), ("type_only_in_header", DEAD),
    ("ThrottlingException", AWAY), ("InternalServiceErrorException", AWAY), ("html_502", AWAY),
    ("empty_503", AWAY),
    ("ExpiredTokenException_aws_credentials", REFUSED),
    ("ExpiredTokenException_aws_credentials_403", REFUSED), ("DisabledApiException", REFUSED),
    ("AccessDeniedException", REFUSED), ("UnrecognizedClientException", REFUSED),
    ("InvalidSignatureException_skew", REFUSED)])
def test_every_error_of_resolve_customer_has_its_page(name, status):
    with CannedAws(RESOLVE["errors"][name]) as aws, Registrar(aws.url) as registrar:
        answer = registrar.browser().post("/", {TOKEN: "t"})
        assert answer.status == status
        assert (answer.headers["Retry-After"] is not None) == (status == AWAY)
        assert not registrar.store.called("register")
        trace = re.search(r'quote the number <span class="number">([0-9a-f]{16})<', answer.body).group(1)
        assert registrar.said(trace)


def test_what_aws_says_of_a_token_stays_out_of_the_log():
    token = "token-that-aws-repeats"
    refusal = {"status": 400, "headers": {}, "body": {
        "__type": "ValidationException",
        "message": f"Value '{token}' at 'registrationToken' failed to satisfy constraint"}}
    with CannedAws(refusal) as aws, Registrar(aws.url) as registrar:
        assert registrar.browser().post("/", {TOKEN: token}).status == REFUSED
        assert registrar.said("code=ValidationException") and not registrar.said(token)


def test_what_aws_says_of_our_rights_is_in_the_log():
    denied = RESOLVE["errors"]["AccessDeniedException"]
    with CannedAws(denied) as aws, Registrar(aws.url) as registrar:
        assert registrar.browser().post("/", {TOKEN: "t"}).status == REFUSED
        assert registrar.said(denied["body"].get("message") or denied["body"]["Message"])


def test_an_incomplete_answer_is_our_fault():
    with CannedAws({"status": 200, "headers": {}, "body": {"CustomerAWSAccountId": "1"}}) as aws, \
            Registrar(aws.url) as registrar:
        assert registrar.browser().post("/", {TOKEN: "t"}).status == REFUSED
        assert registrar.said("ProductCode is missing")


def test_without_the_store_no_token_is_used_up():
    with Registrar(start_store=False) as registrar:
        bought = registrar.buy()
        browser = registrar.browser()
        answer = browser.post("/", {TOKEN: bought["token"]})
        assert answer.status == 503 and "has not been used up" in answer.body
        assert browser.get("/readyz").status == 503
        assert browser.get("/healthz").status == 200
        assert browser.get("/").status == 200
        assert "ResolveCustomer" not in registrar.sandbox.counts()

        registrar.store.start()
        registrar.store.wait_call("signing_keys")
        assert "seats" in browser.arrive(bought["token"]).body
        assert browser.get("/readyz").status == 200


def test_a_silent_store_uses_no_token_up(registrar):
    bought = registrar.buy()
    registrar.store.silent.add("token_find")
    assert registrar.browser().post("/", {TOKEN: bought["token"]}).status == 503
    assert "ResolveCustomer" not in registrar.sandbox.counts()


def test_what_aws_accepted_is_kept_although_the_store_stumbles(registrar):
    registrar.store.fails["register"] = [Refusal("unavailable", retryable=True),
                                         Refusal("internal", retryable=True)]
    assert "seats" in registrar.browser().arrive(registrar.buy()["token"]).body
    assert len(registrar.store.called("register")) == 3
    assert registrar.sandbox.counts()["ResolveCustomer"] == 1


def test_a_store_that_goes_away_behind_the_page_says_so(registrar):
    browser = registrar.browser()
    page = browser.arrive(registrar.buy()["token"])
    registrar.store.fails["find"] = [Refusal("unavailable", retryable=True)]
    assert browser.get("/registration").status == 503
    registrar.store.fails["contact_put"] = [Refusal("unavailable", retryable=True)]
    fields = {"form_word": hidden(page.body, "form_word"), "email": "a@example.com", "company": "x"}
    assert browser.post("/registration", fields).status == 503
    assert browser.post("/registration", fields).status == 303


def test_a_buyer_who_leaves_is_registered_all_the_same(registrar):
    bought = registrar.buy()
    registrar.sandbox.fault(operation="ResolveCustomer", kind="delay", delay_ms=300)
    connection = http.client.HTTPConnection("127.0.0.1", registrar.port)
    connection.request("POST", "/", urllib.parse.urlencode({TOKEN: bought["token"]}),
                       {"Content-Type": "application/x-www-form-urlencoded"})
    registrar.store.wait_call("token_find")
    connection.close()
    assert registrar.store.wait_call("register")["license_arn"] == bought["license_arn"]


def test_a_stop_answers_who_waits(registrar):
    bought = registrar.buy()
    registrar.sandbox.fault(operation="ResolveCustomer", kind="delay", delay_ms=300)
    answers = []
    click = threading.Thread(target=lambda: answers.append(
        registrar.browser().post("/", {TOKEN: bought["token"]})))
    click.start()
    registrar.store.wait_call("token_find")
    registrar.process.stop()
    click.join()
    assert [answer.status for answer in answers] == [303]
    registrar.process.start()


def test_two_clicks_redeem_once(registrar):
    bought = registrar.buy()
    registrar.sandbox.fault(operation="ResolveCustomer", kind="delay", delay_ms=500)
    answers = []
    clicks = [threading.Thread(target=lambda: answers.append(
        registrar.browser().post("/", {TOKEN: bought["token"]}))) for _ in range(3)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert [answer.status for answer in answers] == [303, 303, 303]
    assert registrar.sandbox.counts()["ResolveCustomer"] == 1
    assert len({answer.location.query for answer in answers}) == 3


def test_a_hanging_aws_ends_in_a_page(registrar):
    registrar.sandbox.fault(operation="ResolveCustomer", kind="hang", count=-1)
    answer = registrar.browser().post("/", {TOKEN: registrar.buy()["token"]})
    assert answer.status == 503 and answer.headers["Retry-After"]
    registrar.sandbox.faults_clear()


def test_pending_says_so_and_becomes_active_by_itself(registrar):
    browser = registrar.browser()
    registrar.store.fails["wait"] = [Refusal("timeout", retryable=True)]
    page = browser.arrive(registrar.buy()["token"])
    assert 'src="/registration/status?form=1"' in page.body
    assert "http-equiv" not in page.body  # nothing typed, and no focus, is lost by a reload
    status = browser.get("/registration/status?form=1")
    assert "AWS is still preparing" in status.body and 'http-equiv="refresh"' in status.body
    browser.post("/registration", {"form_word": hidden(page.body, "form_word"),
                                   "email": "a@example.com", "company": "x"})
    thanks = browser.get("/registration")
    assert 'src="/registration/status"' in thanks.body and "http-equiv" not in thanks.body

    registrar.store.list_entitlements(next(iter(registrar.store.subscriptions)))
    assert "Your subscription is active" in browser.get("/registration/status").body
    active = browser.get("/registration")
    assert "Your subscription is active" in active.body and "http-equiv" not in active.body


def test_a_key_made_since_is_fetched(registrar):
    browser = registrar.browser()
    browser.arrive(registrar.buy()["token"])
    new_key = {"id": "2", "secret": b"2" * 32, "created_at": 2}
    with Registrar(aws=registrar.sandbox.url) as other:
        other.store.keys = [new_key, *other.store.keys]
        other.store.subscriptions = registrar.store.subscriptions
        stranger = other.browser()
        stranger.arrive(registrar.buy()["token"])
        registrar.store.keys = [new_key, *registrar.store.keys]
        browser.cookie = stranger.cookie
        assert browser.get("/registration").status == 200


def test_what_is_not_there_and_what_is_not_done(registrar):
    browser = registrar.browser()
    assert browser.get("/nothing").status == 404
    wrong = browser.ask("PUT", "/", "x")
    assert wrong.status == 405 and wrong.headers["Allow"] == "GET, HEAD, POST"
    assert browser.ask("DELETE", "/registration").status == 405
    assert browser.ask("POST", "/return", "").status == 405
    assert browser.post("/", {TOKEN: "x" * 70000}).status == 413
    assert browser.ask("HEAD", "/").body == ""
    css = browser.get("/style.css")
    assert css.status == 200 and "--brand: #1f4b99" in css.body
    assert browser.get("/return?linked=x").status == 400


def test_the_token_stays_out_of_the_log(registrar):
    bought = registrar.buy()
    browser = registrar.browser()
    browser.arrive(bought["token"])
    browser.post("/", {TOKEN: "dead-token-of-somebody"})
    browser.get("/?" + urllib.parse.urlencode({TOKEN: "token-in-a-url"}))
    said = registrar.process.said()
    for secret in (bought["token"], "dead-token-of-somebody", "token-in-a-url",
                   browser.cookie.split("=", 1)[1]):
        assert secret not in said
    line, = registrar.said('msg="customer registered"')
    assert BUYER not in line and BUYER[-4:] in line
    assert re.search(r"trace=[0-9a-f]{16}", line)
