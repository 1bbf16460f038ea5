"""Whatever the daemons' credentials come from: they end, are replaced, cannot be had for a while, and
nobody who buys or asks notices."""
import base64
import json
import re
import sys
import time

import pytest

from tests.support.suite import BUYER, NEW, SELLER, Suite

AWS_DAEMONS = ("checker-1", "checker-2", "registrar", "poller")
OTHER_BUYER = "222233334444"
ROLE = f"arn:aws:iam::{SELLER}:role/app"
EXTERNAL_ID = "shared-with-the-vendor"


class Source:
    """Where the daemons get credentials. operation: what the sandbox calls the last question for them;
    shown: what logs and stats call the source."""

    def __init__(self, operation, shown, prepare, settings=""):
        self.operation, self.shown = operation, shown
        self.prepare, self.settings = prepare, settings


def instance(suite):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": suite.sandbox.url}


def container(suite):
    token = suite.directory / "container-token"
    token.write_text("sandbox-container-token")
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": suite.sandbox.url + "/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}


def web_identity(suite):
    token = suite.directory / "web-token"
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": "none"}, {"iss": "https://issuer.example", "sub": "entitled",
                                    "aud": "sts.amazonaws.com", "exp": time.time() + 3600})]
    token.write_text(".".join([*parts, "signature"]))
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE,
            "AWS_ROLE_SESSION_NAME": "test"}


def process(suite):
    program = suite.directory / "credentials.py"
    program.write_text(
        "import json, urllib.request\n"
        f"given = json.load(urllib.request.urlopen('{suite.sandbox.url}/v2/credentials/x'))\n"
        "given['SessionToken'], given['Version'] = given.pop('Token'), 1\n"
        "print(json.dumps(given))\n")
    return shared_files(suite, f'[default]\ncredential_process = {sys.executable} "{program}"\n')


def role_of_the_settings(suite):
    suite.sandbox.settings(external_id=EXTERNAL_ID)
    return static_keys(suite)


def static_keys(suite):
    return {"AWS_ACCESS_KEY_ID": suite.sandbox.access_key_id,
            "AWS_SECRET_ACCESS_KEY": suite.sandbox.secret_access_key}


def shared_files(suite, text):
    config = suite.directory / "aws-config"
    config.write_text(text)
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}


INSTANCE = Source("InstanceMetadata", "instance metadata", instance)
ROLE_OF_SETTINGS = Source(
    "AssumeRole", "role app by environment", role_of_the_settings,
    f"[aws]\nrole_arn = arn:aws:iam::{SELLER}:role/other\nexternal_id = {EXTERNAL_ID}\n"
    + "".join(f"[{daemon}]\nrole_arn = {ROLE}\n" for daemon in ("checker", "registrar", "poller")))
SOURCES = [
    INSTANCE,
    Source("ContainerCredentials", "container", container),
    Source("AssumeRoleWithWebIdentity", "web identity (role app)", web_identity),
    Source("ContainerCredentials", "credential_process (profile default)", process),
    ROLE_OF_SETTINGS,
]


@pytest.fixture(params=SOURCES, ids=lambda source: re.sub(r"\W+", "-", source.shown))
def source(request):
    return request.param


@pytest.fixture
def lifetime_s():
    return 6 * 3600


def with_settings(text, more):
    """Sections that are there gain rows, others are added."""
    for section, rows in re.findall(r"\[(\w+)\]\n((?:[^\[].*\n)*)", more):
        header = f"[{section}]\n"
        text = text.replace(header, header + rows) if header in text else text + header + rows
    return text


@pytest.fixture
def suite(source, lifetime_s):
    running = Suite()
    running.sandbox.settings(credentials_lifetime_s=lifetime_s)
    text = re.sub(r"^(access_key_id|secret_access_key) = .*\n", "", running.config.read_text(),
                  flags=re.M)
    running.config.write_text(with_settings(text, source.settings))
    environment = source.prepare(running)
    for name in AWS_DAEMONS:
        running[name].environment = environment
    try:
        running.start()
        yield running
    finally:
        running.close()


def bought(suite, account, seats=10):
    deal = suite.sandbox.buy(product=NEW, account=account, dimensions={"seats": seats})
    page = suite.register(deal["token"])
    assert page.status == 200, page.body
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", seats)
    return deal


def upgraded(suite, deal, seats):
    """By a notification alone: SQS, then GetEntitlements."""
    suite.sandbox.change(agreement=deal["agreement_id"], dimensions={"seats": seats})
    suite.eventually_answers(True, "entitled", deal["license_arn"], "seats", seats)


def complaints(suite):
    return [line for name in AWS_DAEMONS for line in suite[name].said().splitlines()
            if re.search(r"level=(warning|error)", line)]


def test_nobody_notices_that_credentials_end(suite, source):
    deal = bought(suite, BUYER)
    in_use = re.compile(f'msg="AWS credentials are in use" source="?{re.escape(source.shown)}"? ')
    suite.eventually(lambda: all(in_use.search(suite[name].said()) for name in AWS_DAEMONS))
    stats = suite.entitlectl_json("stats")["processes"]
    assert {each.get("aws_credentials") for each in stats} == {None, source.shown}

    # All at once: whoever calls next is refused, asks for others and calls again.
    assert suite.sandbox.expire_credentials()["expired"] >= len(AWS_DAEMONS)
    upgraded(suite, deal, 25)
    bought(suite, OTHER_BUYER)
    refused = {call["operation"] for call in suite.sandbox.calls()
               if call["outcome"] == "ExpiredTokenException"}
    assert {"ReceiveMessage", "ResolveCustomer", "GetEntitlements"} <= refused
    assert complaints(suite) == []


@pytest.mark.parametrize("lifetime_s", [8])
def test_others_are_there_before_those_in_use_end(suite, source):
    per_daemon = 3 if source is INSTANCE else 1
    deal = bought(suite, BUYER)
    begun = suite.sandbox.counts()[source.operation]
    suite.sandbox.wait_calls(source.operation, begun + 3 * per_daemon * len(AWS_DAEMONS))
    upgraded(suite, deal, 25)
    bought(suite, OTHER_BUYER)
    assert suite.sandbox.log()["errors"].get("ReceiveMessage", 0) == 0
    assert [call for call in suite.sandbox.calls() if call["outcome"] == "ExpiredTokenException"] == []
    assert complaints(suite) == []


def test_a_source_that_fails_is_named_and_asked_again(suite, source):
    deal = bought(suite, BUYER)
    # The poller calls all the time; it has had credentials before they end.
    suite.eventually(lambda: "AWS credentials are in use" in suite["poller"].said())
    suite.sandbox.fault(operation=source.operation, kind="error500", count=-1)
    suite.sandbox.expire_credentials()
    suite.eventually(lambda: "no newer AWS credentials" in suite["poller"].said())
    told = [line for line in complaints(suite) if "no newer AWS credentials" in line]
    assert all(source.shown in line for line in told)
    # Answers go on from memory.
    assert suite.check_all(deal["license_arn"], "seats", 10) == [(True, "entitled")] * 2

    suite.sandbox.faults_clear()
    upgraded(suite, deal, 25)


@pytest.mark.parametrize("source", [INSTANCE], ids=["instance"])
def test_an_instance_goes_on_with_credentials_past_their_time(suite, source):
    deal = bought(suite, BUYER)
    suite.sandbox.fault(operation=source.operation, kind="stale", count=-1)
    suite.sandbox.expire_credentials()
    upgraded(suite, deal, 25)
    bought(suite, OTHER_BUYER)
    assert complaints(suite) == []


@pytest.mark.parametrize("source", [ROLE_OF_SETTINGS], ids=["role"])
def test_a_role_that_is_refused_is_named(suite, source):
    suite.sandbox.settings(external_id="another")
    suite.sandbox.expire_credentials()
    suite.eventually(lambda: "STS: AccessDenied" in suite["poller"].said())
    line = next(line for line in complaints(suite) if "STS: AccessDenied" in line)
    assert source.shown in line
    suite.sandbox.settings(external_id=EXTERNAL_ID)
    bought(suite, BUYER)
