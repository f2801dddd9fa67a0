"""Access tokens are renewed before they end, by one renewal at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tintype_gateway.upstream.tokens.cache import (
    EARLY_SECONDS,
    FETCH_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MARGIN_SECONDS,
    PAUSE_SECONDS,
    Token,
    TokenCache,
    TokenError,
)
from tintype_testing.virtual_time import run_in_virtual_time

HOUR = 3600.0


@dataclass
class Issuer:
    """What gives numbered tokens, and may fail."""

    seconds: float = HOUR
    takes: float = 1.0
    fails: bool = False
    retry_after: float | None = None
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def fetch(self, scope: str) -> Token:
        self.asked.append(scope)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.under_way -= 1
        if self.fails:
            raise TokenError("the issuer is out of order", self.retry_after)
        return Token(f"token-{len(self.asked)}", self.seconds)


Scenario = Callable[[Issuer, TokenCache[str]], Awaitable[None]]


def played(scenario: Scenario, issuer: Issuer | None = None) -> Issuer:
    """Run a scenario in virtual time, and return the issuer after it."""
    issuer = issuer or Issuer()

    async def run() -> None:
        cache = TokenCache("the issuer", issuer.fetch)
        await scenario(issuer, cache)
        await cache.close()

    run_in_virtual_time(run())
    return issuer


def test_fifty_requests_at_once_ask_for_one_token() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        assert {*await asyncio.gather(*(cache.read("a") for _ in range(50)))} == {"token-1"}

    assert played(scenario).asked == ["a"]


def test_fifty_requests_after_its_end_ask_for_one_more() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        await asyncio.sleep(2 * HOUR)
        assert {*await asyncio.gather(*(cache.read("a") for _ in range(50)))} == {"token-2"}

    assert played(scenario).most_under_way == 1


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        for _ in range(5):
            assert await cache.read("a") == "token-1"
            await asyncio.sleep(HOUR / 6)

    assert played(scenario).asked == ["a"]


def test_a_token_is_renewed_before_its_end_while_requests_use_the_old_one() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        await asyncio.sleep(HOUR - EARLY_SECONDS)
        assert {*await asyncio.gather(*(cache.read("a") for _ in range(50)))} == {"token-1"}
        await asyncio.sleep(issuer.takes + 1)
        assert await cache.read("a") == "token-2"

    assert played(scenario).asked == ["a", "a"]


def test_a_short_token_is_renewed_after_half_its_life() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        await asyncio.sleep(28)
        assert await cache.read("a") == "token-1"
        assert len(issuer.asked) == 1
        await asyncio.sleep(2)
        await cache.read("a")
        await asyncio.sleep(issuer.takes + 1)
        assert await cache.read("a") == "token-2"

    played(scenario, Issuer(seconds=60))


def test_a_token_that_is_about_to_end_is_renewed_as_soon_as_it_is_not_used_any_more() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        assert await cache.read("a") == "token-1"
        await asyncio.sleep(4)
        assert await cache.read("a") == "token-2"

    played(scenario, Issuer(seconds=14))


def test_an_old_token_is_used_while_it_is_valid_though_its_renewal_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        issuer.fails = True
        await asyncio.sleep(HOUR - EARLY_SECONDS)
        for _ in range(int((EARLY_SECONDS - MARGIN_SECONDS) / 2) - 1):
            assert await cache.read("a") == "token-1"
            await asyncio.sleep(2)

    issuer = played(scenario)
    assert 10 < len(issuer.asked) < EARLY_SECONDS / PAUSE_SECONDS
    assert caplog.records[0].__dict__["cause"] == "the issuer is out of order"
    assert caplog.records[0].__dict__["old_token_seconds"] > 200


def test_an_ended_token_is_not_used() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        issuer.fails = True
        await asyncio.sleep(HOUR - MARGIN_SECONDS)
        with pytest.raises(TokenError, match="out of order"):
            await cache.read("a")

    played(scenario)


def test_an_issuer_that_failed_is_left_in_peace_for_a_moment_and_then_asked_again() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        for _ in range(3):
            with pytest.raises(TokenError, match="out of order"):
                await cache.read("a")
        assert len(issuer.asked) == 1
        issuer.fails = False
        await asyncio.sleep(PAUSE_SECONDS)
        assert await cache.read("a") == "token-2"

    played(scenario, Issuer(fails=True))


@pytest.mark.parametrize(
    ("asked_for", "pause"), [(30.0, 30.0), (1.0, PAUSE_SECONDS), (HOUR, LONGEST_PAUSE_SECONDS)]
)
def test_the_pause_is_what_the_issuer_asks_for_within_bounds(
    asked_for: float, pause: float
) -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        for seconds in (0, pause - 1, 1):
            await asyncio.sleep(seconds)
            with pytest.raises(TokenError):
                await cache.read("a")

    assert len(played(scenario, Issuer(fails=True, retry_after=asked_for, takes=0)).asked) == 2


def test_an_issuer_that_does_not_respond_fails_after_a_time_limit() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TokenError, match="no response within 10 s"):
            await cache.read("a")
        assert asyncio.get_running_loop().time() - began == FETCH_SECONDS

    played(scenario, Issuer(takes=HOUR))


def test_a_token_that_ends_at_once_is_none() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        with pytest.raises(TokenError, match="ends after 5 s"):
            await cache.read("a")

    played(scenario, Issuer(seconds=5))


def test_a_request_that_is_cancelled_does_not_cancel_the_renewal_of_others() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        first, second = (asyncio.create_task(cache.read("a")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "token-1"

    assert played(scenario).asked == ["a"]


def test_each_scope_has_a_token_of_its_own() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        assert await cache.read("a") == "token-1"
        assert await cache.read("b") == "token-2"
        assert await cache.read("a") == "token-1"

    played(scenario)


def test_what_is_being_asked_for_is_cancelled_when_the_cache_is_closed() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        waiting = asyncio.create_task(cache.read("a"))
        await asyncio.sleep(0.5)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert issuer.under_way == 0

    played(scenario)


def test_a_token_is_shown_nowhere() -> None:
    async def scenario(issuer: Issuer, cache: TokenCache[str]) -> None:
        await cache.read("a")
        assert "token-1" not in repr(cache._entries)

    played(scenario)
    assert "secret" not in repr(Token("secret", HOUR))
