"""The sandbox's contracts: what GetEntitlements lists, the turns a contract takes, and usage."""
import base64
import http.client
import json
import subprocess
import time

import pytest

from tests.support.sandbox import (BUYER, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY, LEGACY, NEW,
                                   Refused)
from tests.support.sandbox_calls import Caller, OTHER_BUYER, botocore_client


@pytest.mark.parametrize("body", [
    {},
    {"ProductCode": ""},
    {"ProductCode": NEW, "MaxResults": 0},
    {"ProductCode": NEW, "MaxResults": 26},
    {"ProductCode": NEW, "MaxResults": "25"},
    {"ProductCode": NEW, "NextToken": "nonsense"},
    {"ProductCode": NEW, "Filter": {"DIMENSION": []}},
    {"ProductCode": NEW, "Filter": {"DIMENSION": "seats"}},
    {"ProductCode": NEW, "Filter": {"COLOUR": ["red"]}},
    {"ProductCode": NEW, "Filter": {"CUSTOMER_IDENTIFIER": ["a"], "CUSTOMER_AWS_ACCOUNT_ID": ["b"]}},
])
def test_wrong_questions_are_refused(aws, body):
    answer = aws.call("GetEntitlements", body)
    assert (answer.status, answer.code) == (400, "InvalidParameterException")


def test_filters_or_their_values_and_and_each_other(sandbox, aws):
    first = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1, "pro_tier": 1})
    second = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 2})
    sandbox.buy(product=NEW, account=OTHER_BUYER, dimensions={"seats": 3})

    def seats(**filters):
        return sorted(row["Value"]["IntegerValue"] for row in aws.get_entitlements(Filter=filters)
                      if row["Dimension"] == "seats")

    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER]) == [1, 2]
    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER, OTHER_BUYER]) == [1, 2, 3]
    assert seats(LICENSE_ARN=[second["license_arn"]]) == [2]
    assert seats(LICENSE_ARN=[first["license_arn"]], CUSTOMER_AWS_ACCOUNT_ID=[OTHER_BUYER]) == []
    assert seats(CUSTOMER_AWS_ACCOUNT_ID=[BUYER], DIMENSION=["pro_tier"]) == []
    assert seats(CUSTOMER_IDENTIFIER=["anybody"]) == []


def test_rows_have_the_members_of_their_generation(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    common = {"ProductCode", "Dimension", "CustomerAWSAccountId", "Value", "ExpirationDate"}
    assert set(aws.get_entitlements()[0]) == common | {"LicenseArn"}
    assert set(aws.get_entitlements(LEGACY)[0]) == common | {"CustomerIdentifier"}


def test_a_listing_opted_in_to_concurrent_agreements_shows_licences_once(sandbox, aws):
    first = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    with pytest.raises(Refused, match="concurrent"):
        sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 5})
    sandbox.settings(products={LEGACY: {"concurrent": True}})
    second = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 5})
    assert second["customer_identifier"] == first["customer_identifier"]
    rows = aws.get_entitlements(LEGACY, Filter={"CUSTOMER_IDENTIFIER": [first["customer_identifier"]]})
    assert [row["LicenseArn"] for row in rows] == [first["license_arn"], second["license_arn"]]
    resolved = aws.call("ResolveCustomer", {"RegistrationToken": first["token"]}).body
    assert set(resolved) == {"ProductCode", "CustomerIdentifier", "CustomerAWSAccountId",
                             "LicenseArn"}


def test_a_page_token_continues_only_its_own_question(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1, "pro_tier": 1})
    page = aws.call("GetEntitlements", {"ProductCode": NEW, "MaxResults": 1}).body
    token = page["NextToken"]
    rest = aws.call("GetEntitlements", {"ProductCode": NEW, "MaxResults": 1, "NextToken": token}).body
    assert [row["Dimension"] for row in rest["Entitlements"]] == ["pro_tier"]
    assert "NextToken" not in rest
    other = aws.call("GetEntitlements", {"ProductCode": NEW, "Filter": {"DIMENSION": ["seats"]},
                                         "NextToken": token})
    assert other.code == "InvalidParameterException"


def test_another_account_sees_nothing_and_resolves_nothing(sandbox):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    foreign = Caller(sandbox, FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)
    assert foreign.get_entitlements() == []
    answer = foreign.call("ResolveCustomer", {"RegistrationToken": bought["token"]})
    assert answer.code == "InvalidTokenException"


def test_entitlements_can_come_late(sandbox, aws):
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1}, entitlements_after=2)
    assert sandbox.events() == ["Purchase Agreement Created - Proposer"]
    assert aws.get_entitlements() == []
    assert aws.get_entitlements() == []
    assert len(aws.get_entitlements()) == 1
    assert sandbox.events()[1:] == ["License Updated - Manufacturer"]


def test_a_date_that_passes_ends_the_agreement_unless_aws_is_late(sandbox, aws):
    past = int(time.time()) - 10
    sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1}, expires_at=past)
    late = sandbox.buy(product=NEW, account=OTHER_BUYER, dimensions={"seats": 1}, expires_at=past,
                       expiry_lag_s=-1)
    rows = aws.get_entitlements()
    assert [(row["LicenseArn"], row["ExpirationDate"]) for row in rows] == [
        (late["license_arn"], past)]
    assert sandbox.world()["agreements"][0]["status"] == "EXPIRED"


@pytest.mark.parametrize("wrong", [{"quota_per_second": -1}, {"token_lifetime_s": -1}, {"region": ""},
                                   {"registration_url": ""}, {"container_token": ""}])
def test_settings_that_make_no_world_are_refused(sandbox, wrong):
    with pytest.raises(Refused, match="must not be"):
        sandbox.settings(**wrong)
    assert sandbox.settings() is not None


def test_the_quota_is_kept_and_counted(sandbox, aws):
    sandbox.settings(quota_per_second=3)
    requests = [aws.request("GetEntitlements", {"ProductCode": NEW}) for _ in range(8)]
    answers = [aws.send(request) for request in requests]
    refused = [answer for answer in answers if answer.status != 200]
    log = sandbox.log()
    assert all(answer.code == "ThrottlingException" for answer in refused)
    assert len(refused) == log["get_entitlements_over_quota"]
    assert log["get_entitlements_peak_per_second"] > 3 and refused


def test_a_renewal_can_be_told_in_either_order_and_lose_a_notice(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10}, lose="all")
    renewed = sandbox.renew(agreement=bought["agreement_id"], order="created_first")
    assert sandbox.events() == [
        "Purchase Agreement Created - Proposer", "License Updated - Manufacturer",
        "Purchase Agreement Ended - Proposer", "License Deprovisioned - Manufacturer"]
    created, _, ended, _ = sandbox.messages()
    assert created["detail"]["agreement"]["previousAgreementId"] == bought["agreement_id"]
    assert ended["detail"]["agreement"]["status"] == "RENEWED"
    assert renewed["license_arn"] != bought["license_arn"]
    assert renewed["expires_at"] > bought["expires_at"]
    kept = sandbox.renew(agreement=renewed["agreement_id"], keep_license=True, with_previous=False,
                         lose=["updated"])
    assert kept["license_arn"] == renewed["license_arn"]
    assert sandbox.events()[4:] == ["Purchase Agreement Ended - Proposer",
                                    "Purchase Agreement Created - Proposer"]
    assert [row["LicenseArn"] for row in aws.get_entitlements()] == [kept["license_arn"]]


def test_changing_replacing_and_ending(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 10})
    sandbox.change(agreement=bought["license_arn"], dimensions={"seats": 25})
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 25}
    replaced = sandbox.replace(agreement=bought["agreement_id"], dimensions={"seats": 7})
    assert aws.get_entitlements()[0]["Value"] == {"IntegerValue": 7}
    with pytest.raises(Refused, match="REPLACED"):
        sandbox.cancel(agreement=bought["agreement_id"])
    sandbox.cancel(agreement=replaced["agreement_id"])
    assert aws.get_entitlements() == []
    assert sandbox.events()[-2:] == ["Purchase Agreement Ended - Proposer",
                                     "License Deprovisioned - Manufacturer"]


def test_a_legacy_listing_speaks_sns(sandbox):
    bought = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10}, free_trial=True)
    message = json.loads(sandbox.messages()[0]["Message"])
    assert message["isFreeTrialTermPresent"] == "true"
    assert bought["form"]["fields"]["x-amzn-marketplace-offer-type"] == "free-trial"
    sandbox.change(agreement=bought["agreement_id"], dimensions={"seats": 25})
    sandbox.renew(agreement=bought["agreement_id"])
    assert sandbox.events() == ["subscribe-success"] + 3 * ["entitlement-updated"]
    sandbox.settings(products={LEGACY: {"raw_delivery": True}})
    other = sandbox.buy(product=LEGACY, account=OTHER_BUYER, dimensions={"seats": 1}, pending_s=3600)
    sandbox.subscribe_fail(agreement=other["agreement_id"])
    assert sandbox.messages()[4]["action"] == "subscribe-fail"
    assert sandbox.messages()[4]["customer-identifier"] == other["customer_identifier"]


@pytest.mark.parametrize("version, digest", [(1, "sha1"), (2, "sha256")])
def test_sns_messages_are_really_signed(sandbox, tmp_path, version, digest):
    sandbox.settings(products={LEGACY: {"signature_version": version}})
    sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 10})
    envelope = sandbox.messages()[0]
    path = envelope["SigningCertURL"].removeprefix(sandbox.url)
    connection = http.client.HTTPConnection(sandbox.address)
    connection.request("GET", path)
    (tmp_path / "cert.pem").write_bytes(connection.getresponse().read())
    connection.close()
    key = subprocess.run(["openssl", "x509", "-in", tmp_path / "cert.pem", "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["Signature"]))
    text = "".join(f"{name}\n{envelope[name]}\n" for name in (
        "Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    (tmp_path / "text").write_text(text)
    subprocess.run(["openssl", "dgst", f"-{digest}", "-verify", tmp_path / "key.pem", "-signature",
                    tmp_path / "signature", tmp_path / "text"], check=True, capture_output=True)
    assert envelope["SignatureVersion"] == str(version)


def usage(bought, **more):
    return {"Timestamp": int(time.time()), "CustomerAWSAccountId": bought["account"],
            "LicenseArn": bought["license_arn"], "Dimension": "api_calls", "Quantity": 42, **more}


def test_usage_is_taken_once_per_licence_dimension_and_hour(sandbox, aws):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    now = int(time.time())
    hour = now - now % 3600
    # The same hour thrice: taken, told again, told differently.
    records = [usage(bought, Timestamp=hour), usage(bought, Timestamp=hour),
               usage(bought, Timestamp=hour, Quantity=43), usage(bought, Dimension="storage_gb")]
    answer = aws.call("BatchMeterUsage", {"UsageRecords": records}).body
    assert [result["Status"] for result in answer["Results"]] == [
        "Success", "Success", "DuplicateRecord", "Success"]
    assert answer["UnprocessedRecords"] == []
    ids = [result["MeteringRecordId"] for result in answer["Results"]]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [taken["quantity"] for taken in sandbox.world()["usage"]] == [42, 42]


@pytest.mark.parametrize("change, code", [
    ({"Dimension": "seats"}, "InvalidUsageDimensionException"),
    ({"Timestamp": 0}, "TimestampOutOfBoundsException"),
    ({"Quantity": -1}, "ValidationException"),
    ({"LicenseArn": "arn:aws:license-manager::1:license:l-0"}, "InvalidLicenseException"),
    ({"CustomerAWSAccountId": OTHER_BUYER}, "InvalidLicenseException"),
    ({"CustomerIdentifier": "both"}, "InvalidCustomerIdentifierException"),
    ({"UsageAllocations": [{"AllocatedUsageQuantity": 1}]}, "InvalidUsageAllocationsException"),
    ({"UsageAllocations": 2 * [{"AllocatedUsageQuantity": 21}]},
     "InvalidUsageAllocationsException"),
    ({"UsageAllocations": [{"AllocatedUsageQuantity": 42, "Tags": [{"Key": "", "Value": "x"}]}]},
     "InvalidTagException"),
])
def test_one_wrong_usage_record_refuses_the_batch(sandbox, aws, change, code):
    bought = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    answer = aws.call("BatchMeterUsage",
                      {"UsageRecords": [usage(bought), usage(bought, **change)]})
    assert (answer.status, answer.code) == (400, code)
    assert sandbox.world()["usage"] == []


def test_botocore_meters_a_legacy_customer(sandbox):
    import datetime
    bought = sandbox.buy(product=LEGACY, account=BUYER, dimensions={"seats": 1})
    client = botocore_client(sandbox, "meteringmarketplace")
    record = {"Timestamp": datetime.datetime.now(datetime.timezone.utc), "Dimension": "api_calls",
              "CustomerIdentifier": bought["customer_identifier"], "Quantity": 7,
              "UsageAllocations": [{"AllocatedUsageQuantity": 7,
                                    "Tags": [{"Key": "team", "Value": "blue"}]}]}
    answer = client.batch_meter_usage(ProductCode=LEGACY, UsageRecords=[record])
    assert [result["Status"] for result in answer["Results"]] == ["Success"]
    with pytest.raises(client.exceptions.InvalidCustomerIdentifierException):
        client.batch_meter_usage(ProductCode=LEGACY,
                                 UsageRecords=[{**record, "CustomerIdentifier": "nobody"}])
    with pytest.raises(client.exceptions.InvalidProductCodeException):
        client.batch_meter_usage(ProductCode="nobody's", UsageRecords=[record])


@pytest.mark.parametrize("tags", [
    [{"Key": "<>#", "Value": "x"}], [{"Key": "x", "Value": "a#b"}], [{"Key": "é", "Value": "x"}],
    [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]])
def test_usage_tags_have_the_documented_characters(sandbox, aws, tags):
    deal = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})

    def meter(tags):
        return aws.call("BatchMeterUsage", {"UsageRecords": [{
            "Timestamp": int(time.time()), "Dimension": "api_calls", "Quantity": 1,
            "CustomerAWSAccountId": BUYER, "LicenseArn": deal["license_arn"],
            "UsageAllocations": [{"AllocatedUsageQuantity": 1, "Tags": tags}]}]})

    assert meter(tags).code == "InvalidTagException"
    assert meter([{"Key": "a+ -=._:\\/@", "Value": "b"}]).status == 200


def test_allocations_with_the_same_tags_in_another_order_are_refused(sandbox, aws):
    deal = sandbox.buy(product=NEW, account=BUYER, dimensions={"seats": 1})
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    answer = aws.call("BatchMeterUsage", {"UsageRecords": [{
        "Timestamp": int(time.time()), "Dimension": "api_calls", "Quantity": 2,
        "CustomerAWSAccountId": BUYER, "LicenseArn": deal["license_arn"],
        "UsageAllocations": [{"AllocatedUsageQuantity": 1, "Tags": tags},
                             {"AllocatedUsageQuantity": 1, "Tags": tags[::-1]}]}]})
    assert answer.code == "InvalidUsageAllocationsException"
