"""Several processes on one database, and some that are killed."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from tintype_testing.ledger_stores import Store
from tintype_testing.waiting import eventually

TRAFFIC = Path(__file__).with_name("traffic.py")


@contextmanager
def traffic(verb: str, url: str) -> Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    """Start a process that waits for a line; kill it at the end if it is still there."""
    with subprocess.Popen(
        [sys.executable, TRAFFIC, verb, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process, process.stdin, process.stdout
        finally:
            process.kill()


def acknowledged_before_a_kill(url: str) -> Sequence[tuple[str, int]]:
    """Kill a process in the middle of its traffic; return the holds and costs it had settled."""
    with traffic("endure", url) as (process, start, acknowledged):
        start.write("go\n")
        start.flush()
        lines = list(islice(acknowledged, 200))
        process.kill()
        lines += list(acknowledged)
    whole = (line.split() for line in lines if line.endswith("\n"))  # the kill may cut the last one
    return [(hold_id, int(cost)) for hold_id, cost in whole]


async def charges(store: Store) -> dict[str, int]:
    rows = await store.query(
        "SELECT hold_id, amount FROM posting JOIN entry ON posting.id = posting_id"
        " WHERE account = 'sys:revenue'"
    )
    return dict(rows)


async def test_processes_that_race_for_the_same_credits_never_spend_one_twice(
    store: Store,
) -> None:
    with ExitStack() as stack:
        racers = [stack.enter_context(traffic("compete", store.url)) for _ in range(3)]
        for _, start, _ in racers:
            start.write("go\n")
            start.flush()
        succeeded = [int(output.readline()) for _, _, output in racers]
        for process, _, _ in racers:
            assert process.wait(timeout=120) == 0

    ledger = store.open()
    assert sum(succeeded) == 50
    assert (await ledger.account("studio")).available == 0
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_no_acknowledged_settlement_is_lost_when_a_process_is_killed(store: Store) -> None:
    ledger = store.open()
    await ledger.create_account("studio", unlimited=True)
    await ledger.close()

    killed = [acknowledged_before_a_kill(store.url) for _ in range(3)]
    acknowledged = dict(settlement for settlements in killed for settlement in settlements)
    ledger = store.open(clock=lambda: time.time() + 3600)

    async def nothing_is_held() -> bool:
        await ledger.expire_holds()  # a server may still do what a dead client has asked for
        return (await ledger.account("studio")).held == 0

    await eventually(nothing_is_held)
    assert len(acknowledged) >= 600
    assert (await charges(store)).items() >= acknowledged.items()
    assert (await ledger.audit()).problems == ()
    await ledger.close()
