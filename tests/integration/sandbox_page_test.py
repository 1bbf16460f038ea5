"""The sandbox's page, as a person uses it."""
import html.parser
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.support.sandbox import BUYER, LEGACY, NEW
from tests.support.sandbox_calls import Caller, get


class Page(html.parser.HTMLParser):
    """The forms and texts of a page, as a reader without script finds them."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.texts, self.labelled, self.inside_label = [], [], True, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "label":
            self.inside_label = True
        if tag == "form":
            self.forms.append((attributes["action"], {}))
        if tag in ("input", "select") and attributes.get("type") != "hidden":
            self.labelled &= self.inside_label
        if tag == "input":
            self.forms[-1][1][attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag):
        if tag == "label":
            self.inside_label = False

    def handle_data(self, data):
        self.texts.append(data)

    def form(self, action):
        return dict(next(fields for at, fields in self.forms if at.endswith(action)))


class Visitor:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    def get(self):
        with urllib.request.urlopen(self.sandbox.url + "/") as response:
            return Page(response.read().decode())

    def post(self, verb, **fields):
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"{self.sandbox.url}/_sandbox/page/{verb}", data) as response:
            return Page(response.read().decode())


def test_a_person_buys_and_is_sent_to_the_seller(sandbox):
    sandbox.settings(registration_url="http://127.0.0.1:9/register?a=1&b=2")
    visitor = Visitor(sandbox)
    start = visitor.get()
    assert start.labelled and start.form("buy")["account"] == BUYER
    bought = visitor.post("buy", product=NEW, account=BUYER, free_trial="true",
                          dimensions="seats=10, plan=<gold>, sso=true, storage_tb=1.5")
    agreement = sandbox.world()["agreements"][0]
    assert {row["dimension"]: row["value"] for row in agreement["entitlements"]} == {
        "seats": 10, "plan": "<gold>", "sso": True, "storage_tb": 1.5}
    action, fields = bought.forms[0]
    assert action == "http://127.0.0.1:9/register?a=1&b=2"
    assert fields["x-amzn-marketplace-offer-type"] == "free-trial"
    resolved = Caller(sandbox).call("ResolveCustomer", {
        "RegistrationToken": fields["x-amzn-marketplace-token"]}).body
    assert resolved["LicenseArn"] == agreement["license_arn"]
    assert '"<gold>"' in "".join(visitor.get().texts)


def test_a_person_plays_every_turn_of_a_contract(sandbox, aws):
    visitor = Visitor(sandbox)
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    page = visitor.post("change", agreement=bought["agreement_id"], dimensions="seats=25")
    assert "seats = 25" in "".join(page.texts)
    visitor.post("renew", **page.form("renew"))
    renewed = sandbox.world()["agreements"][-1]
    assert renewed["previous"] == bought["agreement_id"]
    visitor.post("replace", agreement=renewed["id"], dimensions="seats=5")
    visitor.post("cancel", agreement=sandbox.world()["agreements"][-1]["id"])
    other = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    assert visitor.post("token", agreement=other["agreement_id"]).forms[0][1][
        "x-amzn-marketplace-token"]
    visitor.post("expire", agreement=other["agreement_id"])
    assert [agreement["status"] for agreement in sandbox.world()["agreements"]] == [
        "RENEWED", "REPLACED", "CANCELLED", "EXPIRED"]


def test_a_wrong_form_is_answered_with_the_page_and_the_reason(sandbox):
    for verb, fields, status, said in (
            ("buy", {"product": NEW, "account": "<12>", "dimensions": "seats=1"}, 400, "twelve"),
            ("cancel", {"agreement": "<b>"}, 400, "no agreement is called <b>"),
            ("reset", {}, 404, "no such form")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            Visitor(sandbox).post(verb, **fields)
        assert refused.value.code == status
        assert said in "".join(Page(refused.value.read().decode()).texts)


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nowhere", 404), ("POST", "/", 404), ("GET", "/_sandbox/buy", 405),
    ("GET", "/_sandbox/nonsense", 404), ("DELETE", "/_sandbox/world", 405),
])
def test_other_requests_are_refused(sandbox, method, path, status):
    assert get(sandbox, path, method).status == status
