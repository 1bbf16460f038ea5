"""The registrar as a vendor sets it up: its own sign-up, paths, templates, and what cannot work."""
import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile
import time
import urllib.parse

import pytest

from tests.support.registrar import BUYER, TOKEN, Registrar, hidden
from tests.support.stand_in import Refusal

SECRET = "a secret that the vendor's sign-up shares with us"

# The vendor's own sign-up.

REDIRECT = {"mode": "redirect", "sign_up_url": "https://app.vendor.example/sign-up?from=aws",
            "sign_up_key_id": "k7", "sign_up_secret": SECRET}
PUBLIC = "http://127.0.0.1/"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signature(text, secret=SECRET):
    return encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def sign(claims, secret=SECRET, **header):
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "k7", **header}, claims]
    text = ".".join(encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{signature(text, secret)}"


def claims_for(subscription, **changes):
    now = int(time.time())
    return {"aud": PUBLIC, "sub": subscription, "tenant": "tenant-1", "iat": now, "exp": now + 300,
            **changes}


@pytest.fixture
def redirecting():
    with Registrar(extra=REDIRECT) as running:
        yield running


def test_a_buyer_is_handed_to_the_sign_up(redirecting):
    bought = redirecting.buy()
    answer = redirecting.browser().post("/", {TOKEN: bought["token"]})
    assert answer.status == 303
    assert answer.headers["Location"].startswith("https://app.vendor.example/sign-up?from=aws&handoff=")
    header, claims, signed = urllib.parse.parse_qs(answer.location.query)["handoff"][0].split(".")
    assert signed == signature(f"{header}.{claims}")
    assert json.loads(decode(header)) == {"alg": "HS256", "typ": "JWT", "kid": "k7"}
    claims = json.loads(decode(claims))
    assert claims["exp"] - claims["iat"] == 300
    assert claims["aud"] == "https://app.vendor.example/sign-up?from=aws"
    assert claims["iss"] == PUBLIC and claims["return_url"] == "http://127.0.0.1/return"
    assert (claims["license_arn"], claims["account_id"]) == (bought["license_arn"], BUYER)
    assert claims["state"] == "active"

    back = redirecting.browser().get("/return?linked=" + sign(claims_for(claims["sub"])))
    assert back.status == 200 and "Your account is ready" in back.body
    linked, = redirecting.store.called("link")
    assert (linked["handle"], linked["tenant"]) == (claims["sub"], "tenant-1")
    assert linked["cause"] == "sign_up"


@pytest.mark.parametrize("change", [
    {"secret": "another secret of at least thirty-two bytes"}, {"alg": "none"}, {"alg": "HS512"},
    {"kid": "k8"}, {"aud": "https://other.example/"}, {"exp": 1}, {"tenant": ""}])
def test_a_return_that_is_not_signed_for_us_links_nothing(redirecting, change):
    redirecting.browser().post("/", {TOKEN: redirecting.buy()["token"]})
    subscription, = redirecting.store.subscriptions
    claims = claims_for(subscription, **{name: value for name, value in change.items()
                                         if name in ("aud", "exp", "tenant")})
    header = {name: value for name, value in change.items() if name in ("alg", "kid")}
    token = sign(claims, change.get("secret", SECRET), **header)
    assert redirecting.browser().get("/return?linked=" + token).status == 400
    unsigned = token.rsplit(".", 1)[0] + "."
    assert redirecting.browser().get("/return?linked=" + unsigned).status == 400
    assert not redirecting.store.called("link")


def test_a_link_that_the_store_refuses_has_its_page(redirecting):
    token = sign(claims_for("sub-unknown"))
    assert redirecting.browser().get("/return?linked=" + token).status == 409
    redirecting.store.fails["link"] = [Refusal("unavailable", retryable=True)]
    assert redirecting.browser().get("/return?linked=" + token).status == 503


# A tenant id that the form asks for.

@pytest.fixture
def asking():
    with Registrar(extra={"form_fields": "workspace:tenant"}) as running:
        yield running


def fill_in(registrar, deal, workspace):
    browser = registrar.browser()
    browser.arrive(deal["token"])
    word = hidden(browser.get("/registration?edit=1").body, "form_word")
    return browser.post("/registration", {"form_word": word, "email": "a@example.com", "company": "x",
                                          "workspace": workspace})


def test_the_form_links_the_tenant(asking):
    deal = asking.buy()
    assert fill_in(asking, deal, "acme").status == 303
    assert asking.store.called("link_typed")[0]["tenant"] == "acme"
    assert fill_in(asking, deal, "acme").status == 303  # again
    assert fill_in(asking, deal, "").status == 303
    other = fill_in(asking, deal, "other")
    assert other.status == 422 and "cannot be changed here" in other.body
    assert len(asking.store.called("link_typed")) == 1


def test_nobody_gets_into_anothers_tenant(asking):
    fill_in(asking, asking.buy(), "acme")
    again = fill_in(asking, asking.buy(), "acme")  # the same AWS account: a second purchase
    assert again.status == 303
    stranger = fill_in(asking, asking.buy(account="999900001111"), "acme")
    assert stranger.status == 422 and "belongs to another customer" in stranger.body
    assert len(asking.store.called("link_typed")) == 3
    assert len(asking.store.called("contact_put")) == 2


# How it is set up.

def test_it_lives_below_a_path():
    with Registrar(public_url="https://register.vendor.example/aws/") as registrar:
        browser = registrar.browser()
        bought = registrar.buy()
        for path in ("/aws/", "/aws"):
            arrival = browser.post(path, {TOKEN: bought["token"]})
            assert arrival.headers["Location"].startswith(
                "https://register.vendor.example/aws/registration?ref=")
        cookie = browser.get(arrival.target).headers["Set-Cookie"]
        assert "; Secure" in cookie and "; Path=/aws;" in cookie
        assert cookie.startswith("__Secure-entitled=")
        page = browser.get("/aws/registration")
        assert 'action="/aws/registration"' in page.body and 'href="/aws/style.css"' in page.body
        assert browser.get("/registration").status == 404
        assert browser.get("/awsregistration").status == 404
        assert browser.get("/healthz").status == 200 and browser.get("/aws/healthz").status == 200


def test_it_may_have_a_certificate_of_its_own(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with Registrar(public_url="https://127.0.0.1/", extra={
            "address": "0.0.0.0", "tls_certificate_file": certificate, "tls_key_file": key}) as registrar:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", registrar.port, timeout=30,
            context=ssl.create_default_context(cafile=certificate))
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200 and b"AWS Marketplace" in answer.read()
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        connection.close()


def test_no_other_subdomain_can_set_its_cookie():
    with Registrar(public_url="https://register.vendor.example/") as registrar:
        browser = registrar.browser()
        arrival = browser.post("/", {TOKEN: registrar.buy()["token"]})
        cookie = browser.get(arrival.target).headers["Set-Cookie"]
        assert cookie.startswith("__Host-entitled=")
        assert "; Path=/;" in cookie and "; Secure" in cookie and "Domain" not in cookie
        page = browser.get("/registration")
        assert page.status == 200
        # A proxy in front ends TLS: what else its host serves is not known here.
        assert "Strict-Transport-Security" not in page.headers


def test_a_template_of_the_vendors_replaces_ours():
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "token_unknown.html").write_text(
            '<!DOCTYPE html>\n<html lang="en"><h1>Oh: {{vendor_name}}</h1></html>')
        with Registrar(extra={"template_directory": directory}) as registrar:
            dead = registrar.browser().post("/", {TOKEN: "nonsense"})
            assert dead.status == 400 and "<h1>Oh: Vendor &amp; Sons</h1>" in dead.body
            assert "How" not in dead.body


@pytest.mark.parametrize("extra, said", [
    ({"address": "0.0.0.0"}, "in the clear"),
    ({"mode": "redirect", "sign_up_url": "https://x.example/"}, "sign_up_secret"),
    ({"form_fields": "a:text a:text"}, "twice"),
    ({"template_directory": "/nowhere"}, "template_directory"),
    ({"tls_certificate_file": "/nowhere", "tls_key_file": "/nowhere"}, "/nowhere")])
def test_what_cannot_work_does_not_start(extra, said):
    registrar = Registrar(aws="http://127.0.0.1:9", extra=extra, start_store=False)
    registrar.process.start(wait=False)
    assert registrar.process.popen.wait(30) in (1, 2)
    assert said in registrar.process.said()
    registrar.process.check_sanitizers()
    registrar.process.stop()
    registrar.temporary.cleanup()


def test_a_wrong_account_is_warned_about():
    with Registrar() as registrar:
        registrar.wait_said("AWS knows us")
    with Registrar(seller="999988887777") as registrar:
        registrar.wait_said("not signed by seller_account")
