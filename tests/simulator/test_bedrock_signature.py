"""The check of a signature, against one of botocore's and against everything beside it."""

import contextlib
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tests.simulator.aws import CORE
from tintype_simulator.bedrock.errors import BedrockError
from tintype_simulator.bedrock.signature import Received, canonical_request, region_of_caller

MISMATCH = (
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided.",
)

TEXTS = st.text(st.characters(exclude_categories=()))
"""Texts that no encoding can hold among them: what a server reads may hold any bytes."""

NOW = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
BODY = b'{"prompt":"x"}'
SIGNATURE = "10ab00cf3f4ede2c8f64a22fa0d9ee120d35ff8381c04e7aa0e17fd283de7f86"
"""What botocore makes of the request below."""


def vector(**changes: Any) -> Received:
    """Return a request that botocore signed with AWS's example keys, with parts exchanged."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Host": "bedrock-runtime.us-west-2.amazonaws.com",
        "X-Amz-Date": "20261120T000000Z",
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-west-2/bedrock/aws4_request, "
            "SignedHeaders=accept;content-type;host;x-amz-date, "
            f"Signature={SIGNATURE}"
        ),
    }
    changed = CIMultiDict({**headers, **changes.pop("headers", {})})
    parts = {
        "method": "POST",
        "raw_path": f"/model/{CORE.replace(':', '%3A')}/invoke",
        "body": BODY,
    }
    return Received(**{**parts, **changes}, headers=changed)


@pytest.fixture
def example_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the secret be the one of AWS's examples."""
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    monkeypatch.setattr("tintype_simulator.bedrock.signature.SECRET_ACCESS_KEY", secret)


def refusal(received: Received, now: datetime.datetime = NOW) -> tuple[str, str]:
    """Return name and message of what a request is refused with."""
    with pytest.raises(BedrockError) as raised:
        region_of_caller(received, now)
    assert raised.value.status == 403
    return raised.value.name, raised.value.message


@pytest.mark.usefixtures("example_secret")
def test_the_computed_signature_equals_that_of_botocore() -> None:
    assert region_of_caller(vector(), NOW) == "us-west-2"


@pytest.mark.usefixtures("example_secret")
@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"prompt":"y"}'},
        {"method": "GET"},
        {"raw_path": f"/model/{CORE}/invoke"},
        {"raw_path": f"/model/{CORE.replace(':', '%3A')}/invoke?x=1"},
        {"headers": {"Host": "127.0.0.1:9000"}},
        {"headers": {"Accept": "*/*"}},
    ],
)
def test_a_request_that_was_changed_after_it_was_signed_is_refused(change: Any) -> None:
    assert refusal(vector(**change)) == MISMATCH


@pytest.mark.usefixtures("example_secret")
@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    name, message = refusal(vector(), NOW + datetime.timedelta(minutes=minutes))

    assert name == "InvalidSignatureException"
    assert message.startswith("Signature expired")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"Authorization": str(vector().headers["Authorization"]).replace("/bedrock/", "/s3/")},
            "Credential should be scoped to correct service: 'bedrock'.",
        ),
        (
            {"X-Amz-Date": "20261121T000000Z"},
            "Date in Credential scope does not match the header x-amz-date.",
        ),
        ({"X-Amz-Date": "today"}, "The header x-amz-date must be like 20261120T000000Z."),
        ({"X-Amz-Security-Token": "T"}, "These headers must be signed: x-amz-security-token."),
    ],
)
def test_a_signature_with_another_scope_is_refused(headers: dict[str, str], message: str) -> None:
    assert refusal(vector(headers=headers)) == ("InvalidSignatureException", message)


def test_the_path_is_encoded_twice_and_the_query_is_sorted() -> None:
    received = vector(raw_path="/foundation-models/a%3A0?b=2&a=x%20y&a=", method="GET", body=b"")

    lines = canonical_request(received, "accept").splitlines()

    assert lines[:3] == ["GET", "/foundation-models/a%253A0", "a=&a=x%20y&b=2"]


@given(authorization=TEXTS, date=TEXTS)
def test_no_header_breaks_the_check(authorization: str, date: str) -> None:
    headers = {"Authorization": authorization, "X-Amz-Date": date}

    with contextlib.suppress(BedrockError):
        assert region_of_caller(vector(headers=headers), NOW) is None


@given(raw_path=TEXTS, accept=TEXTS)
def test_nothing_that_is_signed_breaks_the_check(raw_path: str, accept: str) -> None:
    received = vector(raw_path=raw_path, headers={"Accept": accept})

    assert refusal(received) == MISMATCH
