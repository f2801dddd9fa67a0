"""How a call of a model on AWS Bedrock looks, and what it is signed with."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.dialects.bedrock.common import invoke
from tintype_gateway.upstream.sigv4 import signed_headers
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import AwsSigner, UpstreamRequest
from tintype_testing.builders import route

CORE = "stability.stable-image-core-v1:1"
KEYS = {
    "aws-access-key-id": "AKIDEXAMPLE",
    "aws-secret-access-key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
TEMPORARY = KEYS | {"aws-session-token": "TOKEN123"}
MIDNIGHT = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)


def call(
    credentials: Mapping[str, str] = KEYS, region: str = "us-west-2", **binding: Any
) -> UpstreamRequest:
    """Return the call of Stable Image Core with a body of one word."""
    core = {"dialect": "bedrock-stability", "regions": [region], "upstreamModel": CORE}
    return invoke(route(region, **core | binding), {"prompt": "x"}, credentials)


def test_the_colon_of_a_models_id_is_encoded_once() -> None:
    assert call().url == (
        "https://bedrock-runtime.us-west-2.amazonaws.com"
        "/model/stability.stable-image-core-v1%3A1/invoke"
    )


def test_the_region_of_the_route_is_in_the_name_of_the_host() -> None:
    assert call(region="eu-west-1").url.startswith(
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/"
    )


def test_an_arn_is_one_part_of_the_path() -> None:
    arn = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc"

    assert call(upstreamModel=arn).url.endswith(
        "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012"
        "%3Aapplication-inference-profile%2Fabc/invoke"
    )


@pytest.mark.parametrize("endpoint", ["https://proxy.test/aws", "https://proxy.test/aws/"])
def test_an_endpoint_of_the_binding_takes_the_place_of_the_host(endpoint: str) -> None:
    assert call(endpoint=endpoint).url == (
        "https://proxy.test/aws/model/stability.stable-image-core-v1%3A1/invoke"
    )


def test_access_keys_sign_for_the_region_of_the_route() -> None:
    request = call(TEMPORARY, region="us-east-1")

    assert request.signer == AwsSigner(
        service="bedrock",
        region="us-east-1",
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token="TOKEN123",
    )
    assert "Authorization" not in request.headers


def test_a_bearer_key_comes_before_access_keys_and_is_not_signed() -> None:
    request = call(KEYS | {"aws-bearer-token": "bedrock-api-key-1"})

    assert request.headers["Authorization"] == "Bearer bedrock-api-key-1"
    assert request.signer is None


@pytest.mark.parametrize(
    ("credentials", "missing"),
    [
        ({}, "aws-access-key-id"),
        ({"api-key": "sk-1"}, "aws-access-key-id"),
        ({"aws-access-key-id": "AKIDEXAMPLE"}, "aws-secret-access-key"),
    ],
)
def test_credentials_of_another_kind_are_a_fault_that_names_the_missing_key(
    credentials: dict[str, str], missing: str
) -> None:
    with pytest.raises(UpstreamFault, match=missing) as caught:
        call(credentials)

    assert caught.value.kind == "unauthorized"


def test_no_credential_is_in_a_repr() -> None:
    for credentials in (TEMPORARY, {"aws-bearer-token": "bedrock-api-key-1"}):
        shown = repr(call(credentials))

        assert not any(credentials[key] in shown for key in credentials if key[-2:] != "id")


@pytest.mark.parametrize(
    ("credentials", "signed", "signature"),
    [
        (
            KEYS,
            "accept;content-type;host;x-amz-date",
            "10ab00cf3f4ede2c8f64a22fa0d9ee120d35ff8381c04e7aa0e17fd283de7f86",
        ),
        (
            TEMPORARY,
            "accept;content-type;host;x-amz-date;x-amz-security-token",
            "237169158d7419bb46f043655b95c1e84bab6687e2b48925d59feec79e635157",
        ),
    ],
)
def test_the_signature_is_the_one_of_the_reference(
    credentials: dict[str, str], signed: str, signature: str
) -> None:
    request = replace(call(credentials), body=b'{"prompt":"x"}')

    assert signed_headers(request, MIDNIGHT)["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-west-2/bedrock/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_no_model_can_leave_its_place_in_the_url(model: str) -> None:
    path = call(upstreamModel=model).url.removeprefix(
        "https://bedrock-runtime.us-west-2.amazonaws.com/"
    )

    assert path.count("/") == 2
    assert not set(path) & set("?#:@ ")
