import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.upstream import sigv4 as signing
from tintype_gateway.upstream.sigv4 import signed_headers
from tintype_gateway.values.content import BytesContent
from tintype_gateway.values.upstream import AwsSigner, UpstreamRequest
from tintype_gateway.values.upstream_body import FileBase64, FileBytes, StreamedBody
from tintype_testing.upstream_requests import sent_bytes

WORDS = st.text("abcDEF012-_.~%+/=", min_size=1, max_size=20)
URLS = st.builds(
    "{}://{}{}/{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(
        ["bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1", "[::1]", "Proxy.test"]
    ),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    st.lists(st.sampled_from(["model", "a%3A1", ".", "..", "", "x~y", "b+c"]), max_size=6).map(
        "/".join
    ),
)
SIGNERS = st.builds(AwsSigner, WORDS, WORDS, WORDS, WORDS, st.none() | st.just("") | WORDS)
FILES = st.binary(max_size=40).map(BytesContent)
STREAMED = st.lists(st.binary(max_size=9) | FILES.map(FileBytes) | FILES.map(FileBase64)).map(
    lambda pieces: StreamedBody(tuple(pieces))
)
REQUESTS = st.builds(
    UpstreamRequest,
    URLS,
    st.dictionaries(
        st.sampled_from(["Content-Type", "Accept", "X-Amzn-Bedrock-Trace"]),
        st.text("abc /;= ", max_size=12),
    ),
    st.binary(max_size=200) | STREAMED,
    SIGNERS,
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1), timezones=st.just(UTC))


@given(REQUESTS, MOMENTS)
def test_every_signature_is_that_of_botocore(request: UpstreamRequest, now: datetime) -> None:
    assert dict(signed_headers(request, now)) == by_botocore(request, now)


def test_a_request_without_a_signer_keeps_its_headers() -> None:
    request = UpstreamRequest("https://provider.test/", {"Authorization": "Bearer x"}, b"{}")

    assert signed_headers(request) == {"Authorization": "Bearer x"}


def test_the_key_of_a_day_is_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derived = list[str]()
    monkeypatch.setattr(signing, "_hmac", _recording(derived))
    signer = AwsSigner("bedrock", "us-east-1", "id", "a secret of this test")
    request = UpstreamRequest("https://provider.test/", {}, b"{}", signer)

    for second in range(3):
        signed_headers(request, datetime(2026, 7, 1, 12, 0, second, tzinfo=UTC))

    assert derived.count("aws4_request") == 1
    assert len([text for text in derived if text.startswith("AWS4-HMAC-SHA256")]) == 3


def _recording(texts: list[str]) -> Callable[[bytes, str], bytes]:
    def recording(key: bytes, text: str) -> bytes:
        texts.append(text)
        return hmac.digest(key, text.encode(), "sha256")

    return recording


def by_botocore(request: UpstreamRequest, now: datetime) -> dict[str, str]:
    """Return the headers as AWS's own signer makes them."""
    assert request.signer is not None
    signer = request.signer
    unsigned = AWSRequest("POST", request.url, dict(request.headers), sent_bytes(request))
    credentials = Credentials(
        signer.access_key_id, signer.secret_access_key, signer.session_token or None
    )
    with patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(credentials, signer.service, signer.region).add_auth(unsigned)
    return dict(unsigned.headers.items())
