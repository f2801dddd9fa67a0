"""Published keys are kept, renewed and missed."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.gateway.auth.jwt.support import signing_key
from tintype_gateway.auth.jwt.jwks import (
    LIFETIME_SECONDS,
    PAUSE_SECONDS,
    PublishedKeys,
)
from tintype_gateway.auth.jwt.verification_key import JwksError, VerificationKey
from tintype_gateway.errors import UnavailableError
from tintype_testing.ledgers import Clock

PUBLIC = signing_key().private.public_key()
FIRST, SECOND = (VerificationKey(PUBLIC, name) for name in ("first", "second"))


class Publisher:
    """What an issuer publishes now, and how often it was read."""

    def __init__(self, *keys: VerificationKey) -> None:
        self.keys: Sequence[VerificationKey] | None = keys
        """None: it does not respond."""
        self.readings = 0
        self.released = asyncio.Event()
        self.released.set()

    async def read(self) -> Sequence[VerificationKey]:
        self.readings += 1
        await self.released.wait()
        if self.keys is None:
            raise JwksError("down")
        return self.keys


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def publisher() -> Publisher:
    return Publisher(FIRST)


@pytest.fixture
async def keys(publisher: Publisher, clock: Clock) -> PublishedKeys:
    return PublishedKeys("https://issuer.example", publisher.read, clock)


async def test_keys_are_read_once_and_kept(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    assert await keys.find("first") is FIRST
    clock.advance(LIFETIME_SECONDS - 1)
    assert await keys.find("first") is FIRST

    assert publisher.readings == 1


async def test_a_new_key_is_found_as_soon_as_it_is_used(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    await keys.find("first")
    publisher.keys = [FIRST, SECOND]
    clock.advance(PAUSE_SECONDS)

    assert await keys.find("second") is SECOND


async def test_a_withdrawn_key_counts_no_longer_than_its_lifetime(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    await keys.find("first")
    publisher.keys = [SECOND]
    clock.advance(LIFETIME_SECONDS)

    assert await keys.find("first") is None


async def test_unknown_ids_make_no_more_than_one_reading_in_a_while(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    await keys.find("first")
    for number in range(100):
        assert await keys.find(f"guess-{number}") is None
    assert publisher.readings == 1

    clock.advance(PAUSE_SECONDS)
    for number in range(100):
        assert await keys.find(f"guess-{number}") is None
    assert publisher.readings == 2


async def test_all_waiting_callers_share_one_fetch(
    keys: PublishedKeys, publisher: Publisher
) -> None:
    publisher.released.clear()
    waiting = [asyncio.create_task(keys.find("first")) for _ in range(50)]
    await asyncio.sleep(0)  # lets each of them begin
    publisher.released.set()

    assert await asyncio.gather(*waiting) == [FIRST] * 50
    assert publisher.readings == 1


async def test_a_cancelled_caller_does_not_end_the_fetch_for_others(
    keys: PublishedKeys, publisher: Publisher
) -> None:
    publisher.released.clear()
    leaving, staying = (asyncio.create_task(keys.find("first")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    publisher.released.set()

    assert await staying is FIRST
    assert publisher.readings == 1


async def test_the_last_good_keys_count_while_the_endpoint_is_down(
    keys: PublishedKeys, publisher: Publisher, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await keys.find("first")
    publisher.keys = None
    clock.advance(100 * LIFETIME_SECONDS)

    assert await keys.find("first") is FIRST
    (record,) = caplog.records
    assert record.__dict__["issuer"] == "https://issuer.example"
    assert record.__dict__["error"] == "down"


async def test_an_endpoint_that_is_down_is_asked_once_in_a_while(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    publisher.keys = None
    for _ in range(100):
        with pytest.raises(UnavailableError):
            await keys.find("first")
    assert publisher.readings == 1

    publisher.keys = [FIRST]
    clock.advance(PAUSE_SECONDS)
    assert await keys.find("first") is FIRST


async def test_a_key_that_may_exist_is_not_refused(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    await keys.find("first")
    publisher.keys = None
    clock.advance(PAUSE_SECONDS)

    with pytest.raises(UnavailableError) as caught:
        await keys.find("second")

    assert caught.value.code == "issuer_unavailable"
    assert caught.value.headers() == {"x-should-retry": "true", "Retry-After": "10"}


async def test_once_the_endpoint_responds_again_an_unknown_key_is_refused(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    publisher.keys = None
    with pytest.raises(UnavailableError):
        await keys.find("second")
    publisher.keys = [FIRST]
    clock.advance(PAUSE_SECONDS)

    assert await keys.find("second") is None


async def test_a_token_without_an_id_is_of_the_only_key(
    keys: PublishedKeys, publisher: Publisher, clock: Clock
) -> None:
    assert await keys.find(None) is FIRST
    publisher.keys = [FIRST, SECOND]
    clock.advance(LIFETIME_SECONDS)

    assert await keys.find(None) is None
