"""How published keys are read, and what an endpoint can do to us."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.gateway.auth.jwt.support import jwks_server, signing_key
from tintype_gateway.auth.jwt.jwks import MAX_BYTES, JwksEndpoint
from tintype_gateway.auth.jwt.verification_key import JwksError
from tintype_testing.cluster.pki import Pki, create_pki

FIRST, SECOND = signing_key("first"), signing_key("second")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("jwks") / "pki")


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
        with pytest.raises(JwksError, match=f"responds with {status}"):
            await JwksEndpoint(server.url).read(session)

    assert len(server.authorizations) == 1


async def test_another_document_is_refused(session: aiohttp.ClientSession) -> None:
    async with jwks_server() as server:
        server.document = b"<html>"
        with pytest.raises(JwksError, match="not a JSON Web Key Set"):
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
