"""Credentials that the sandbox gives: roles, web identities, containers and instances."""
import base64
import json
import time

import botocore.exceptions
import botocore.session
import pytest

from tests.support.sandbox import FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY, NEW, Refused, SELLER
from tests.support.sandbox_calls import Caller, botocore_client, get


def test_botocore_assumes_roles(sandbox):
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/entitled", "RoleSessionName": "test"}
    sts = botocore_client(sandbox, "sts", FOREIGN_ACCESS_KEY, FOREIGN_SECRET_KEY)
    given = sts.assume_role(**role, ExternalId="shared", DurationSeconds=900)["Credentials"]
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert aws.get_entitlements() == []
    assert sandbox.calls("GetEntitlements")[0]["account"] == SELLER
    without_token = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"])
    assert without_token.call("GetEntitlements").code == "UnrecognizedClientException"
    with pytest.raises(botocore.exceptions.ClientError, match="sts:AssumeRole on res") as refused:
        sts.assume_role(RoleArn="arn:aws:iam::999988887777:role/x", RoleSessionName="test")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def web_token(**claims):
    claims = {"iss": "https://issuer.example", "sub": "pod", "aud": ["sts.amazonaws.com"], **claims}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": "none"}, claims)]
    return ".".join([*parts, "signature"])


def test_botocore_assumes_a_role_with_a_web_identity(sandbox):
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/entitled", "RoleSessionName": "test"}
    sts = botocore_client(sandbox, "sts")
    answer = sts.assume_role_with_web_identity(
        **role, WebIdentityToken=web_token(exp=time.time() + 60))
    assert answer["SubjectFromWebIdentityToken"] == "pod"
    assert answer["Audience"] == "sts.amazonaws.com"
    assert answer["Provider"] == "https://issuer.example"
    given = answer["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    session = botocore.session.get_session()
    session.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    me = session.create_client("sts", region_name="us-east-1",
                               endpoint_url=sandbox.url).get_caller_identity()
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert me["UserId"].startswith("AROA") and me["UserId"].endswith(":test")
    assert me["Arn"] == answer["AssumedRoleUser"]["Arn"]
    for token, code in (("nonsense", "InvalidIdentityToken"),
                        (web_token(sub=""), "InvalidIdentityToken"),
                        (web_token(exp=1), "ExpiredTokenException")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            sts.assume_role_with_web_identity(**role, WebIdentityToken=token)
        assert refused.value.response["Error"]["Code"] == code


def test_the_instance_metadata_service_wants_a_token(sandbox):
    roles = "/latest/meta-data/iam/security-credentials/"
    assert get(sandbox, roles).status == 401
    assert get(sandbox, "/latest/api/token", "PUT").status == 400
    assert get(sandbox, "/latest/api/token", "PUT", X_Forwarded_For="10.0.0.1",
               x_aws_ec2_metadata_token_ttl_seconds="60").status == 403
    token = get(sandbox, "/latest/api/token", "PUT",
                x_aws_ec2_metadata_token_ttl_seconds="60").raw.decode()
    role = get(sandbox, roles, x_aws_ec2_metadata_token=token).raw.decode()
    given = get(sandbox, roles + role, x_aws_ec2_metadata_token=token).body
    assert given["Code"] == "Success"
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    assert aws.get_entitlements() == []
    region = get(sandbox, "/latest/meta-data/placement/region", x_aws_ec2_metadata_token=token)
    assert region.raw == b"us-east-1"


def test_botocore_finds_container_and_instance_credentials(sandbox, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", sandbox.url)
    given = botocore.session.get_session().get_credentials()
    assert given.method == "iam-role" and given.access_key.startswith("ASIA")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", sandbox.url + "/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "sandbox-container-token")
    given = botocore.session.get_session().get_credentials()
    assert given.method == "container-role" and given.access_key.startswith("ASIA")
    assert get(sandbox, "/v1/credentials", Authorization="wrong").status == 401


def test_credentials_end(sandbox):
    sandbox.settings(credentials_lifetime_s=-1)
    given = get(sandbox, "/v2/credentials/task").body
    aws = Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    answer = aws.call("GetEntitlements", {"ProductCode": NEW})
    assert answer.code == "ExpiredTokenException"
    assert answer.body["message"] == "The security token included in the request is expired"


def task_credentials(sandbox):
    given = get(sandbox, "/v2/credentials/task").body
    return given, Caller(sandbox, given["AccessKeyId"], given["SecretAccessKey"], given["Token"])


def test_credentials_end_on_demand(sandbox):
    _, aws = task_credentials(sandbox)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    assert sandbox.expire_credentials() == {"expired": 1}
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).code == "ExpiredTokenException"
    _, aws = task_credentials(sandbox)
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    assert Caller(sandbox).call("GetEntitlements", {"ProductCode": NEW}).status == 200


def test_faults_hit_whoever_gives_credentials(sandbox):
    for kind, status in (("throttle", 503), ("error500", 500), ("empty", 200)):
        sandbox.fault(operation="ContainerCredentials", kind=kind)
        assert get(sandbox, "/v2/credentials/task").status == status
    sandbox.fault(operation="ContainerCredentials", kind="missing_member", member="Token")
    assert "Token" not in get(sandbox, "/v2/credentials/task").body
    sandbox.fault(operation="ContainerCredentials", kind="stale")
    given, aws = task_credentials(sandbox)
    assert given["Expiration"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert aws.call("GetEntitlements", {"ProductCode": NEW}).status == 200
    sandbox.fault(operation="InstanceMetadata", kind="throttle")
    assert get(sandbox, "/latest/api/token", "PUT").status == 503
    assert sandbox.counts()["ContainerCredentials"] == 5
    with pytest.raises(Refused):
        sandbox.fault(operation="InstanceMetadata", kind="reorder")


def test_roles_may_ask_for_an_external_id(sandbox):
    sts = botocore_client(sandbox, "sts")
    role = {"RoleArn": f"arn:aws:iam::{SELLER}:role/app", "RoleSessionName": "test"}
    sandbox.settings(external_id="x-1")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        sts.assume_role(**role)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert sts.assume_role(**role, ExternalId="x-1")["Credentials"]["AccessKeyId"]
