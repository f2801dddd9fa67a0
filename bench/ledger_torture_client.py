"""A process for `bench.ledger_torture` to kill: `URL ACCOUNT...`."""

import asyncio
import random
import sys
from collections.abc import Sequence

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import (
    Caller,
    InsufficientCreditsError,
    Ledger,
    LedgerUnavailableError,
    open_ledger,
)

CLIENTS = 16


async def request(ledger: Ledger, account: str, rng: random.Random) -> str:
    """Do one request in one of the ways that it can end; return what was acknowledged."""
    amount = rng.randint(1, 20)
    try:
        hold = await ledger.hold(
            Caller(account, "key-1"),
            HoldRequest(
                amount=amount,
                request_id="request",
                model=rng.choice(["gpt-image-1", "dall-e-3"]),
                provider="openai",
                lifetime_seconds=600,
            ),
        )
    except InsufficientCreditsError:
        return "refused"
    match rng.choices(["settle", "release", "forget"], weights=[8, 2, 1])[0]:
        case "settle":
            settlement = await ledger.settle(hold, rng.randint(0, 25), images=1)
            return f"settled {hold.id} {settlement.charged}"
        case "release":
            await ledger.release(hold, "timeout", outcome_unknown=rng.random() < 0.5)
            return "released"
    return "forgotten"


async def client(ledger: Ledger, accounts: Sequence[str], rng: random.Random) -> None:
    """Do requests until the process is killed."""
    while True:
        try:
            outcome = await request(ledger, rng.choice(accounts), rng)
        except LedgerUnavailableError:
            outcome = "unavailable"
        print(outcome, flush=True)


async def main(url: str, *accounts: str) -> None:
    """Begin, and never end."""
    ledger = open_ledger(url)
    await ledger.check()
    print("begun", flush=True)
    rng = random.Random()  # noqa: S311 - no secret
    await asyncio.gather(*(client(ledger, accounts, rng) for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
