"""How often the API server is asked for a review, and what its absence means."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.gateway.auth.admin.test_review import NOW, REVIEW, token
from tests.kubernetes.serving import refusing, serving
from tintype_gateway.auth.admin.access import MAX_WRONG_TOKENS, AdminAccess
from tintype_gateway.auth.admin.roles import AdminCaller
from tintype_gateway.auth.admin.service_accounts import ServiceAccounts
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.errors import AuthenticationError, RateLimitError, UnavailableError
from tintype_testing.waiting import eventually

OPERATOR = AdminCaller("images/operator", "service_account", "keys")


@dataclass
class Server:
    """An API server that reviews tokens as a test says, and two clocks that it sets."""

    status: dict[str, Any] = field(default_factory=lambda: dict(REVIEW))
    refusal: int = 0
    seconds: float = 0
    wall_seconds: float = NOW
    reviews: list[dict[str, Any]] = field(default_factory=list)
    responding: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, request: web.Request) -> web.Response:
        assert request.path == "/apis/authentication.k8s.io/v1/tokenreviews"
        self.reviews.append(await request.json())
        await self.responding.wait()
        if self.refusal:
            return refusing(self.refusal, "Forbidden")
        return web.json_response({"status": self.status}, status=201)


@pytest.fixture
def server() -> Server:
    server = Server()
    server.responding.set()
    return server


@pytest.fixture
async def accounts(server: Server) -> AsyncIterator[ServiceAccounts]:
    async with serving(server.respond) as client:
        yield ServiceAccounts(
            client,
            {"images/operator": "keys"},
            wall_clock=lambda: server.wall_seconds,
            clock=lambda: server.seconds,
        )


@pytest.fixture
def access(accounts: ServiceAccounts) -> AdminAccess:
    return AdminAccess(AdminTokens(), wrong_token_seconds=0, service_accounts=accounts)


def header(given: bytes) -> str:
    return f"Bearer {given.decode()}"


async def test_a_review_asks_for_the_audience_and_counts_for_a_minute(
    server: Server, access: AdminAccess
) -> None:
    given = token(exp=NOW + 3600)

    assert await access.authenticate(header(given)) == OPERATOR
    server.seconds = 59.9
    assert await access.authenticate(header(given)) == OPERATOR
    (review,) = server.reviews
    assert review["kind"] == "TokenReview"
    assert review["spec"] == {"token": given.decode(), "audiences": ["tintype-admin"]}

    server.seconds = 60
    server.status = {"authenticated": False}
    with pytest.raises(AuthenticationError):
        await access.authenticate(header(given))


async def test_a_review_never_counts_longer_than_the_token(
    server: Server, access: AdminAccess
) -> None:
    given = token(exp=NOW + 5)
    assert await access.authenticate(header(given)) == OPERATOR

    server.wall_seconds, server.seconds = NOW + 5, 5
    with pytest.raises(AuthenticationError):
        await access.authenticate(header(given))

    assert len(server.reviews) == 1


async def test_a_clock_that_is_set_back_does_not_lengthen_a_review(
    server: Server, access: AdminAccess
) -> None:
    await access.authenticate(header(token()))

    server.wall_seconds, server.seconds = NOW - 3600, 60
    await access.authenticate(header(token()))

    assert len(server.reviews) == 2


async def test_calls_at_the_same_time_share_a_review(server: Server, access: AdminAccess) -> None:
    server.responding.clear()
    calls = [asyncio.create_task(access.authenticate(header(token()))) for _ in range(9)]
    await eventually(lambda: len(server.reviews) == 1)
    server.responding.set()

    assert await asyncio.gather(*calls) == [OPERATOR] * 9
    assert len(server.reviews) == 1


@pytest.mark.parametrize(
    "given",
    [token(sub="system:serviceaccount:images:other"), token(aud="x"), b"an-admin-token-of-others"],
)
async def test_no_other_token_is_sent_to_the_api_server(
    server: Server, access: AdminAccess, given: bytes
) -> None:
    with pytest.raises(AuthenticationError):
        await access.authenticate(header(given))

    assert server.reviews == []


async def test_a_token_that_lies_about_its_owner_has_the_role_of_the_real_one(
    server: Server, access: AdminAccess
) -> None:
    server.status = REVIEW | {"user": {"username": "system:serviceaccount:images:other"}}

    with pytest.raises(AuthenticationError):
        await access.authenticate(header(token()))


async def test_a_refused_review_is_unavailable_and_says_why_in_the_log(
    server: Server, access: AdminAccess, caplog: pytest.LogCaptureFixture
) -> None:
    server.refusal = 403

    with pytest.raises(UnavailableError) as raised:
        await access.authenticate(header(token()))

    assert (raised.value.code, raised.value.retry) == ("token_review_unavailable", True)
    (record,) = caplog.records
    assert "403 Forbidden" in vars(record)["error"]
    assert token().decode() not in str(vars(record))


async def test_guesses_are_bounded_and_delay_nobody_who_was_found_valid(
    server: Server, accounts: ServiceAccounts
) -> None:
    access = AdminAccess(AdminTokens(), wrong_token_seconds=3600, service_accounts=accounts)
    valid = token(exp=NOW + 3600)
    await access.authenticate(header(valid))
    server.status = {"authenticated": False}
    guesses = [
        asyncio.create_task(access.authenticate(header(token(jti=number))))
        for number in range(MAX_WRONG_TOKENS)
    ]
    await eventually(lambda: len(server.reviews) == 1 + MAX_WRONG_TOKENS)

    with pytest.raises(RateLimitError):
        await access.authenticate(header(token(jti="one more")))
    assert len(server.reviews) == 1 + MAX_WRONG_TOKENS

    server.status, server.seconds = dict(REVIEW), 61
    assert await access.authenticate(header(valid)) == OPERATOR
    for guess in guesses:
        guess.cancel()
