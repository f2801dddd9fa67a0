"""One attempt: where it goes, how long it takes, and what its response means."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from tests.gateway.webhooks.support import message, nearby, secret
from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import read_private_networks
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.attempt import Result, send
from tintype_gateway.webhooks.endpoints import Endpoint
from tintype_gateway.webhooks.signature import parse_secret
from tintype_testing.webhook_receiver import Receiver, Response, receiving

KEYS = [parse_secret(secret())]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret()) as receiver:
        yield receiver


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with nearby() as session:
        yield session


def responding(status: int, **headers: str) -> Response:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=status, text="why", headers=headers)

    return respond


async def sent(url: str, session: aiohttp.ClientSession, seconds: float = 15) -> Result:
    endpoint = Endpoint(url, KEYS, session, message().payload)
    return await send(endpoint, message().id, time.time(), seconds)


async def test_an_accepted_message_is_delivered_as_it_was_signed(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    assert await sent(receiver.url, session) == Result("delivered", 204)

    assert receiver.ids == ["msg_1"]
    assert receiver.messages == [{"type": "webhook.test", "data": 1}]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_another_status_is_a_refusal(
    receiver: Receiver, session: aiohttp.ClientSession, status: int
) -> None:
    receiver.respond = responding(status)

    result = await sent(receiver.url, session)

    assert result == Result("refused", status, f"status {status}", is_final=status == 410)


@pytest.mark.parametrize(
    ("text", "seconds"), [("120", 120), ("0", 0), ("soon", 0), ("-5", 0), ("²", 0), ("1e9", 0)]
)
async def test_a_receiver_may_say_when_to_come_again(
    receiver: Receiver, session: aiohttp.ClientSession, text: str, seconds: float
) -> None:
    receiver.respond = responding(503, **{"Retry-After": text})

    assert (await sent(receiver.url, session)).retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["/hook", "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/"]
)
async def test_no_redirect_is_followed(
    receiver: Receiver, session: aiohttp.ClientSession, status: int, target: str
) -> None:
    receiver.respond = responding(status, Location=target)

    result = await sent(receiver.url, session)

    assert result == Result("redirected", status, f"status {status}: redirects are not followed")
    assert len(receiver.ids) == 1


async def test_a_slow_receiver_is_not_waited_for(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.respond = never

    assert await sent(receiver.url, session, 0.1) == Result(
        "timeout", error="no response in 0.1 seconds"
    )


async def test_the_status_counts_however_long_the_body_is(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(1 << 16))
                await asyncio.sleep(0)  # after the client has left, nothing else lets it be told
        finally:
            ended.set()

    receiver.respond = endless

    assert await sent(receiver.url, session) == Result("delivered", 200)
    await asyncio.wait_for(ended.wait(), 60)


async def test_the_status_counts_if_the_body_never_comes(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "9"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    receiver.respond = silent

    assert await sent(receiver.url, session) == Result("delivered", 200)


async def test_a_receiver_that_is_away_is_unreachable_and_its_url_not_repeated(
    session: aiohttp.ClientSession,
) -> None:
    result = await sent("http://127.0.0.1:1/hook?token=canary", session)

    assert (result.outcome, result.status) == ("unreachable", None)
    assert result.error is not None
    assert "canary" not in result.error


class Resolver(AbstractResolver):
    """Tells an address for every name."""

    def __init__(self, address: str) -> None:
        self.address = address

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=self.address, port=port, family=family, proto=0, flags=0
            )
        ]

    @override
    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example/", "127.0.0.1"),
        ("https://hooks.example/", "169.254.169.254"),
        ("https://hooks.example/", "10.0.0.1"),
        ("https://hooks.example/", "168.63.129.16"),
        ("http://hooks.example/", "8.8.8.8"),
        ("http://hooks.team-a.svc/", "127.0.0.1"),
        ("http://hooks.team-a.svc/", "169.254.169.254"),
    ],
)
async def test_an_address_that_the_release_does_not_allow_is_never_called(
    url: str, address: str
) -> None:
    policy = EgressPolicy(Reach.PUBLIC, read_private_networks(["team-a/hooks"]))
    async with open_session(policy.to_webhook(url), Resolver(address)) as session:
        result = await sent(url, session)

    assert (result.outcome, result.status) == ("forbidden", None)
    assert result.error == f"calls may not go to {address}"


async def test_a_private_receiver_may_be_called_where_the_release_allows_it() -> None:
    policy = EgressPolicy(Reach.PUBLIC, read_private_networks(["team-a/hooks", "10.20.0.0/16"]))

    assert policy.to_webhook("http://hooks.team-a.svc:8080/x").allows("10.96.0.7")
    assert policy.to_webhook("https://hooks.example/x").allows("10.20.0.7")
    assert not policy.to_webhook("https://hooks.example/x").allows("10.96.0.7")
    assert policy.to_webhook("https://hooks.example/x").allows("8.8.8.8")
