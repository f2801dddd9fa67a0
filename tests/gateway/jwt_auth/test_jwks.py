"""Published keys: which of them are taken, and how they are read."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from tests.cluster.pki import Pki, create_pki
from tests.gateway.jwt_auth.support import jwks_server, key_set, signing_key
from tintype_gateway.jwt_auth.jwks import MAX_BYTES, JwksEndpoint, JwksError, parse_jwks

FIRST, SECOND = signing_key("first"), signing_key("second")
PRIVATE = get_default_algorithms()["ES256"].to_jwk(FIRST.private, as_dict=True)
ENCRYPTING = FIRST.jwk(use="enc")
UNSIGNED = FIRST.jwk(alg="none")
SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}
OF_TOMORROW = {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "new"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("jwks") / "pki")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_key_is_read_with_its_id_and_algorithm(algorithm: str) -> None:
    signing = signing_key("k", algorithm)

    (key,) = parse_jwks(key_set(signing))

    assert (key.id, key.algorithm) == ("k", algorithm)
    assert key.key == signing.private.public_key()


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "EdDSA"])
def test_a_key_need_not_say_what_it_is_for(algorithm: str) -> None:
    signing = signing_key("k", algorithm)
    entry = signing.jwk(alg=None, use=None, kid=None)

    (key,) = parse_jwks(json.dumps({"keys": [entry]}).encode())

    assert (key.id, key.algorithm) == (None, None)
    assert key.key == signing.private.public_key()


@pytest.mark.parametrize(
    "entry",
    [
        PRIVATE,
        ENCRYPTING,
        UNSIGNED,
        SYMMETRIC,
        OF_TOMORROW,
        {"kty": "RSA"},
        {"kty": 7},
        {},
        "key",
        None,
    ],
)
def test_other_keys_are_passed_over(entry: object) -> None:
    document = json.dumps({"keys": [entry, FIRST.jwk()]}).encode()

    assert [key.id for key in parse_jwks(document)] == ["first"]


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[]", b"7", b"{}", b'{"keys": 7}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(JwksError, match="no JSON Web Key Set"):
        parse_jwks(document)


@pytest.mark.parametrize("entries", [[], [SYMMETRIC], [ENCRYPTING]])
def test_a_key_set_without_a_key_for_us_is_refused(entries: list[object]) -> None:
    with pytest.raises(JwksError, match="no key that verifies signatures"):
        parse_jwks(json.dumps({"keys": entries}).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "kty": st.sampled_from(["RSA", "EC", "OKP", "oct"]) | json_values,
        "crv": st.sampled_from(["P-256", "P-521", "Ed25519", "X25519"]) | json_values,
        "alg": st.sampled_from(["RS256", "ES256", "EdDSA", "HS256", "none"]) | json_values,
        **{name: st.sampled_from(["AQAB", "AA", ""]) | json_values for name in "xyned"},
    },
)


@given(st.lists(entries | json_values, max_size=3) | json_values)
def test_no_document_does_worse_than_being_refused(keys: Any) -> None:
    with suppress(JwksError):
        parse_jwks(json.dumps({"keys": keys}).encode())


async def test_an_endpoint_is_read(session: aiohttp.ClientSession) -> None:
    async with jwks_server(FIRST, SECOND) as server:
        keys = await JwksEndpoint(server.url).read(session)

    assert [key.id for key in keys] == ["first", "second"]
    assert server.authorizations == [None]


async def test_the_bearer_token_is_read_from_its_file_each_time(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    async with jwks_server(FIRST) as server:
        endpoint = JwksEndpoint(server.url, bearer_token_file=token)
        for text in ("old\n", "new\n"):
            token.write_text(text)
            await endpoint.read(session)

    assert server.authorizations == ["Bearer old", "Bearer new"]


async def test_a_private_authority_is_trusted_where_it_is_named(
    session: aiohttp.ClientSession, pki: Pki
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pki.certificate("apiserver"), pki.key("apiserver"))
    async with jwks_server(FIRST, tls=tls) as server:
        keys = await JwksEndpoint(server.url, ca_file=pki.certificate("ca")).read(session)
        with pytest.raises(JwksError, match="certificate verify failed"):
            await JwksEndpoint(server.url).read(session)

    assert [key.id for key in keys] == ["first"]


@pytest.mark.parametrize("status", [302, 401, 404, 500])
async def test_another_status_is_refused(session: aiohttp.ClientSession, status: int) -> None:
    async with jwks_server(FIRST) as server:
        server.status = status
        with pytest.raises(JwksError, match=f"answers {status}"):
            await JwksEndpoint(server.url).read(session)

    assert len(server.authorizations) == 1


async def test_another_document_is_refused(session: aiohttp.ClientSession) -> None:
    async with jwks_server() as server:
        server.document = b"<html>"
        with pytest.raises(JwksError, match="no JSON Web Key Set"):
            await JwksEndpoint(server.url).read(session)


async def test_a_large_document_is_not_read_to_its_end(session: aiohttp.ClientSession) -> None:
    async with jwks_server(FIRST) as server:
        server.document += b" " * (MAX_BYTES - len(server.document))
        assert await JwksEndpoint(server.url).read(session)

        server.document += b" "
        with pytest.raises(JwksError, match=f"sends more than {MAX_BYTES} bytes"):
            await JwksEndpoint(server.url).read(session)


async def test_a_slow_endpoint_is_given_up(session: aiohttp.ClientSession) -> None:
    async with jwks_server(FIRST) as server:
        server.released.clear()
        with pytest.raises(JwksError, match="keys: "):
            await JwksEndpoint(server.url, timeout_seconds=0.05).read(session)


async def test_an_endpoint_that_is_down_is_named(session: aiohttp.ClientSession) -> None:
    async with jwks_server(FIRST) as server:
        pass

    with pytest.raises(JwksError, match=f"{server.url}: Cannot connect"):
        await JwksEndpoint(server.url).read(session)


@pytest.mark.parametrize("content", [None, b"two\nlines", b"\xff"])
async def test_a_bearer_token_that_cannot_be_sent_is_no_crash(
    session: aiohttp.ClientSession, tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    async with jwks_server(FIRST) as server:
        with pytest.raises(JwksError) as caught:
            await JwksEndpoint(server.url, bearer_token_file=token).read(session)

    assert "two" not in str(caught.value)
    assert server.authorizations == []
