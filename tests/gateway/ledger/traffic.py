"""A gateway's worth of ledger traffic, run as a process of its own: `traffic.py VERB URL`."""

import asyncio
import sys

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, InsufficientCreditsError, Ledger, open_ledger

CALLER = Caller("studio", "key-1")


async def hold_and_settle(ledger: Ledger, cost: int) -> str:
    """Do one request and return the id of its hold."""
    hold = await ledger.hold(
        CALLER,
        HoldRequest(amount=10, request_id="req-1", model="m", provider="p", lifetime_seconds=60),
    )
    await ledger.settle(hold, cost)
    return hold.id


async def compete(ledger: Ledger) -> None:
    """Try 100 holds of 10 of the first 500 credits at once, and say how many succeeded."""
    await ledger.ensure_account("studio", issuer="any", max_accounts=10_000, credits_micro=500)
    outcomes = await asyncio.gather(
        *(
            ledger.hold(
                CALLER,
                HoldRequest(
                    amount=10, request_id="r", model="m", provider="p", lifetime_seconds=60
                ),
            )
            for _ in range(100)
        ),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientCreditsError)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if len(errors) > len(refused):
        raise ExceptionGroup("holds that failed", [e for e in errors if isinstance(e, Exception)])
    print(len(outcomes) - len(refused))


async def endure(ledger: Ledger) -> None:
    """Settle until killed; write the id of each hold whose settlement was acknowledged."""

    async def client(cost: int) -> None:
        for _ in range(5000):
            print(await hold_and_settle(ledger, cost), cost, flush=True)

    await asyncio.gather(*(client(cost) for cost in range(1, 9)))


async def main(verb: str, url: str) -> None:
    """Say that we are ready, wait for a line, and begin."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ledger = open_ledger(url, busy_timeout_seconds=60)
    await {"compete": compete, "endure": endure}[verb](ledger)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
