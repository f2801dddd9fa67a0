"""An issuer changes its keys, or is in trouble, while tokens go on being checked."""

from collections.abc import AsyncIterator, Callable
from functools import partial

import aiohttp
import pytest

from tests.gateway.auth.jwt.support import (
    ISSUER,
    JwksServer,
    claims,
    issuer,
    jwks_server,
    key_set,
    signing_key,
)
from tests.gateway.auth.jwt.tokens import refusal
from tintype_gateway.auth.jwt.jwks import (
    LIFETIME_SECONDS,
    MAX_BYTES,
    PAUSE_SECONDS,
    JwksEndpoint,
    PublishedKeys,
)
from tintype_gateway.auth.jwt.verifier import JwtVerifier, TrustedIssuer
from tintype_gateway.errors import UnavailableError
from tintype_testing.ledgers import Clock

OLD, NEW = signing_key("old"), signing_key("new")

TROUBLES: dict[str, Callable[[JwksServer], object]] = {
    "an error": lambda server: setattr(server, "status", 500),
    "no JSON": lambda server: setattr(server, "document", b"<html>"),
    "no keys": lambda server: setattr(server, "document", b'{"keys": []}'),
    "too much": lambda server: setattr(server, "document", b" " * (MAX_BYTES + 1)),
    "no response": lambda server: server.released.clear(),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server() -> AsyncIterator[JwksServer]:
    async with jwks_server(OLD) as server:
        yield server


@pytest.fixture
async def jwts(server: JwksServer, clock: Clock) -> AsyncIterator[JwtVerifier]:
    """A verifier that reads the keys of the server, by a clock of its own."""
    async with aiohttp.ClientSession() as session:
        endpoint = JwksEndpoint(server.url, timeout_seconds=2)
        keys = PublishedKeys(ISSUER, partial(endpoint.read, session), clock)
        yield JwtVerifier({ISSUER: TrustedIssuer(issuer(jwksUrl=server.url), keys)})


async def test_a_new_key_takes_over_while_the_old_one_still_counts(
    jwts: JwtVerifier, server: JwksServer, clock: Clock
) -> None:
    await jwts.verify(OLD.sign(claims()))
    server.document = key_set(OLD, NEW)
    clock.advance(PAUSE_SECONDS)

    assert await jwts.verify(NEW.sign(claims()))
    assert await jwts.verify(OLD.sign(claims()))


async def test_a_withdrawn_key_is_refused_in_the_end(
    jwts: JwtVerifier, server: JwksServer, clock: Clock
) -> None:
    await jwts.verify(OLD.sign(claims()))
    server.document = key_set(NEW)
    clock.advance(LIFETIME_SECONDS)

    assert "`kid`" in await refusal(jwts, OLD.sign(claims()))


async def test_a_key_that_changes_under_the_same_id_is_noticed(
    jwts: JwtVerifier, server: JwksServer, clock: Clock
) -> None:
    replaced = signing_key("old")
    await jwts.verify(OLD.sign(claims()))
    server.document = key_set(replaced)
    clock.advance(LIFETIME_SECONDS)

    assert await jwts.verify(replaced.sign(claims()))
    assert "signature" in await refusal(jwts, OLD.sign(claims()))


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_in_trouble_the_last_good_keys_count(
    jwts: JwtVerifier, server: JwksServer, clock: Clock, trouble: str
) -> None:
    await jwts.verify(OLD.sign(claims()))
    TROUBLES[trouble](server)
    clock.advance(LIFETIME_SECONDS)

    assert await jwts.verify(OLD.sign(claims()))
    assert len(server.authorizations) == 2


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_no_token_is_accepted_while_keys_cannot_be_read(
    jwts: JwtVerifier, server: JwksServer, clock: Clock, trouble: str
) -> None:
    TROUBLES[trouble](server)
    with pytest.raises(UnavailableError):
        await jwts.verify(OLD.sign(claims()))

    server.status, server.document = 200, key_set(OLD)
    server.released.set()
    clock.advance(PAUSE_SECONDS)
    assert await jwts.verify(OLD.sign(claims()))
