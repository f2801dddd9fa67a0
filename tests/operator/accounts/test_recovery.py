"""Objects that wait for gateways are looked at once they respond, and not again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tintype_accounts.backend import BackendUnavailableError
from tintype_operator.accounts.recovery import Recovery
from tintype_operator.watch.cache import Key
from tintype_testing.waiting import eventually

A, B = ("ApiKey", "a"), ("Account", "b")


class Gateways:
    """Respond to looks, or do not."""

    def __init__(self) -> None:
        self.respond = False
        self.looks = 0
        self.woken: list[Key] = []

    async def look(self) -> None:
        self.looks += 1
        if not self.respond:
            raise BackendUnavailableError("no response")

    async def looked_at_again(self) -> None:
        """Return after another whole look."""
        seen = self.looks
        await eventually(lambda: self.looks >= seen + 2)


@asynccontextmanager
async def recovery_of(gateways: Gateways) -> AsyncIterator[Recovery]:
    recovery = Recovery(gateways.look, gateways.woken.append, look_seconds=0.001)
    running = asyncio.create_task(recovery.run())
    yield recovery
    running.cancel()


async def test_nothing_is_woken_before_gateways_respond() -> None:
    gateways = Gateways()
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        await gateways.looked_at_again()

    assert gateways.woken == []


async def test_all_that_waits_is_woken_once_gateways_respond() -> None:
    gateways = Gateways()
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        recovery.failed(B)
        await gateways.looked_at_again()

        gateways.respond = True

        await eventually(lambda: set(gateways.woken) == {A, B})


async def test_what_succeeded_meanwhile_is_not_woken() -> None:
    gateways = Gateways()
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        recovery.failed(B)
        recovery.succeeded(A)
        gateways.respond = True
        await eventually(lambda: gateways.woken == [B])


async def test_what_fails_while_gateways_respond_is_woken_once() -> None:
    gateways = Gateways()
    gateways.respond = True
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        await eventually(lambda: gateways.woken == [A])

        recovery.failed(A)
        recovery.failed(B)
        await eventually(lambda: B in gateways.woken)

    assert gateways.woken == [A, B]


async def test_what_was_woken_is_woken_again_after_the_next_outage() -> None:
    gateways = Gateways()
    gateways.respond = True
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        await eventually(lambda: gateways.woken == [A])
        gateways.respond = False
        recovery.failed(B)
        await gateways.looked_at_again()
        recovery.failed(A)

        gateways.respond = True

        await eventually(lambda: gateways.woken.count(A) == 2)


async def test_nobody_looks_at_gateways_while_nothing_waits() -> None:
    gateways = Gateways()
    gateways.respond = True
    async with recovery_of(gateways) as recovery:
        recovery.failed(A)
        await eventually(lambda: gateways.woken == [A])
        looks = gateways.looks
        await asyncio.sleep(0.01)

    assert gateways.looks == looks
