"""What survives a power cut: the log as it was at its last sync, and no more."""

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tintype_gateway.ledger import (
    Caller,
    HoldClosedError,
    Idempotency,
    Ledger,
    LedgerUnavailableError,
    open_ledger,
)
from tintype_gateway.ledger.sqlite import log_file
from tintype_testing.ledgers import Clock, connect, take
from tintype_testing.waiting import eventually

CALLER = Caller("studio", "key-1")
KEY = Idempotency("poster-7", "digest")

Act = Callable[[Ledger], Coroutine[object, object, None]]


@dataclass
class Disk:
    """The disk under the log: it can fail, it can be slow, and it keeps what was synced."""

    path: Path
    syncs: int = 0
    fails: bool = False
    goes_on: threading.Event = field(default_factory=threading.Event)

    def sync(self, descriptor: int) -> None:
        """Do as `fdatasync`, and keep a copy of what a power cut would leave."""
        self.syncs += 1
        kept = Path(f"{self.path}-wal").read_bytes()
        assert self.goes_on.wait(60)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)
        self.after_a_power_cut.with_name("cut.db-wal").write_bytes(kept)

    @property
    def after_a_power_cut(self) -> Path:
        """The database, beside the log of the last sync."""
        return self.path.with_name("cut.db")

    async def cut(self) -> Ledger:
        """Open what a power cut now would leave. The database itself was not written since."""
        shutil.copy(self.path, self.after_a_power_cut)
        return open_ledger(f"sqlite:///{self.after_a_power_cut}", clock=Clock())


@pytest.fixture
def disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(path)
    disk.goes_on.set()
    monkeypatch.setattr(log_file, "_sync", disk.sync)
    return disk


@pytest.fixture
async def ledger(disk: Disk, path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{path}", clock=Clock())
    await ledger.create_account("studio", credits_micro=1000)
    yield ledger
    disk.goes_on.set()
    await ledger.close()


async def settle(ledger: Ledger) -> None:
    await ledger.settle(await take(ledger, CALLER, 10), 7)


async def release(ledger: Ledger) -> None:
    await ledger.release(await take(ledger, CALLER, 10), "refused")


async def hold_for_a_key(ledger: Ledger) -> None:
    await take(ledger, CALLER, 10, idempotency=KEY)


async def grant(ledger: Ledger) -> None:
    await ledger.grant("studio", 10, reason="a gift")


async def create_key(ledger: Ledger) -> None:
    await ledger.create_key("studio")


@pytest.mark.parametrize("act", [settle, release, hold_for_a_key, grant, create_key])
async def test_what_has_to_outlive_a_power_cut_waits_for_the_disk(
    ledger: Ledger, disk: Disk, act: Act
) -> None:
    disk.goes_on.clear()
    acting = asyncio.create_task(act(ledger))
    synced = disk.syncs
    await eventually(lambda: disk.syncs == synced + 1)
    assert not acting.done()

    disk.goes_on.set()
    await acting


async def test_a_hold_does_not_as_a_power_cut_takes_its_request_too(
    ledger: Ledger, disk: Disk
) -> None:
    synced = disk.syncs
    await take(ledger, CALLER, 10)

    assert disk.syncs == synced


async def test_a_hold_is_taken_while_charges_wait_for_the_disk(ledger: Ledger, disk: Disk) -> None:
    hold = await take(ledger, CALLER, 10)
    disk.goes_on.clear()
    settling = asyncio.create_task(ledger.settle(hold, 7))
    await eventually(lambda: disk.syncs == 2)

    await take(ledger, CALLER, 20)

    assert not settling.done()
    disk.goes_on.set()
    await settling


async def test_one_sync_serves_all_that_was_committed_before_it(ledger: Ledger, disk: Disk) -> None:
    first, *others = [await take(ledger, CALLER, 10) for _ in range(30)]
    disk.goes_on.clear()
    settling = [asyncio.create_task(ledger.settle(first, 7))]
    synced = disk.syncs
    await eventually(lambda: disk.syncs == synced + 1)
    for hold in others:
        settling.append(asyncio.create_task(ledger.settle(hold, 7)))
        await asyncio.sleep(0)
    await take(ledger, CALLER, 10)  # the others are committed by now
    disk.goes_on.set()
    await asyncio.gather(*settling)

    assert disk.syncs == synced + 2


async def test_a_power_cut_takes_no_acknowledged_charge(ledger: Ledger, disk: Disk) -> None:
    for count in range(1, 11):
        await settle(ledger)
        left = await disk.cut()
        account, audit = await left.account("studio"), await left.audit()
        await left.close()

        assert account.balance == 1000 - 7 * count
        assert audit.problems == ()


async def test_a_refusal_lasts_as_long_as_what_it_was_refused_for(
    ledger: Ledger, disk: Disk
) -> None:
    hold = await take(ledger, CALLER, 10)
    disk.goes_on.clear()
    settling = asyncio.create_task(ledger.settle(hold, 7))
    await eventually(lambda: disk.syncs == 2)
    again = asyncio.create_task(ledger.settle(hold, 7))
    await take(ledger, CALLER, 10)  # the second attempt was refused by now

    assert not again.done()
    disk.goes_on.set()
    await settling
    with pytest.raises(HoldClosedError):
        await again


async def test_a_disk_that_fails_fails_what_waited_for_it(ledger: Ledger, disk: Disk) -> None:
    hold = await take(ledger, CALLER, 10)
    disk.fails = True

    with pytest.raises(LedgerUnavailableError, match="perhaps not on the disk"):
        await ledger.settle(hold, 7)


async def test_after_a_failure_a_charge_counts_once_it_is_in_the_database(
    ledger: Ledger, disk: Disk, path: Path
) -> None:
    hold = await take(ledger, CALLER, 10)
    disk.fails = True
    with pytest.raises(LedgerUnavailableError):
        await ledger.settle(hold, 7)
    synced, disk.fails = disk.syncs, False

    with pytest.raises(HoldClosedError):  # which tells the gateway that it is charged
        await ledger.settle(hold, 7)

    database = path.with_name("alone.db")
    shutil.copy(path, database)
    with closing(connect(database)) as connection:
        assert connection.execute("SELECT state FROM hold").fetchall() == [("settled",)]
    assert disk.syncs == synced + 1  # of what came after the repair


async def test_nothing_is_acknowledged_before_the_failure_is_made_good_for(
    ledger: Ledger, disk: Disk, path: Path
) -> None:
    hold = await take(ledger, CALLER, 10)
    with closing(connect(path)) as reader:  # keeps the log from being copied
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM hold").fetchall()
        disk.fails = True
        with pytest.raises(LedgerUnavailableError):
            await ledger.settle(hold, 7)
        disk.fails = False

        for _ in range(2):
            with pytest.raises(LedgerUnavailableError):
                await ledger.settle(hold, 7)
            with pytest.raises(LedgerUnavailableError):
                await take(ledger, CALLER, 10)

    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 7)
    await settle(ledger)


async def test_a_hold_that_the_disk_may_lack_is_released(ledger: Ledger, disk: Disk) -> None:
    disk.fails = True
    with pytest.raises(LedgerUnavailableError):
        await take(ledger, CALLER, 10, idempotency=KEY)
    disk.fails = False

    await take(ledger, CALLER, 20, idempotency=KEY)

    assert (await ledger.account("studio")).held == 20
