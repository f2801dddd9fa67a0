"""Uploads wait in little memory, and then in a bounded space on the disk that they always leave."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

import pytest
from typing_extensions import override

from tintype_gateway.errors import OverloadedError, PayloadTooLargeError, UnavailableError
from tintype_gateway.runtime.memory_budget import Memory, MemoryBudget
from tintype_gateway.runtime.spool import (
    LARGE_BYTES,
    MEMORY_BYTES,
    SHARED_BYTES,
    WRITE_BYTES,
    Spool,
    SpooledContent,
    Spools,
    SpoolWriter,
)
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

MIB = 1024 * 1024
MAX_BYTES = 64 * MIB
REQUEST_BYTES = 16 * MIB


@pytest.fixture
async def spools(tmp_path: Path) -> AsyncIterator[Spools]:
    spools = Spools(tmp_path, MAX_BYTES)
    yield spools
    spools.close()


async def put(spool: Spool, data: bytes) -> SpooledContent:
    writer = SpoolWriter(spool)
    for start in range(0, len(data), 100_000):
        await writer.write(data[start : start + 100_000])
    return await writer.finish()


def bytes_on_disk() -> float:
    return metric("tintype_spool_bytes")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("size", [0, 1, WRITE_BYTES, MEMORY_BYTES, MEMORY_BYTES + 1, 3 * MIB])
async def test_contents_in_memory_and_on_disk_are_those_written(spools: Spools, size: int) -> None:
    small, large = b"before", bytes(range(251)) * (size // 251 + 1)
    async with spools.opened(REQUEST_BYTES) as spool:
        contents = [await put(spool, data) for data in (small, large[:size], small)]

        for content, data in zip(contents, (small, large[:size], small), strict=True):
            assert content.read(0, size + 10) == data
            assert content.read(3, 2) == data[3:5]
            assert content.read(size + 10, 1) == b""
            assert content.length == len(data)


async def test_an_upload_has_a_digest_only_where_one_is_asked_for(spools: Spools) -> None:
    data = bytes(range(251)) * (3 * MIB // 251)
    digests = []
    for is_asked_for in (True, False):
        async with spools.opened(REQUEST_BYTES, digests=is_asked_for) as spool:
            writer = SpoolWriter(spool)
            for start in range(0, len(data), 100_000):
                await writer.write(data[start : start + 100_000])
            await writer.finish()
            digests.append(writer.sha256)

    assert digests == [hashlib.sha256(data).hexdigest(), ""]


async def test_a_small_upload_takes_no_space_on_the_disk(spools: Spools) -> None:
    async with spools.opened(REQUEST_BYTES, expected_bytes=MEMORY_BYTES) as spool:
        await put(spool, bytes(MEMORY_BYTES))

        assert bytes_on_disk() == 0


@pytest.fixture
async def with_plenty(tmp_path: Path) -> AsyncIterator[Spools]:
    """The spools of a process without a limit of memory."""
    spools = Spools(tmp_path, 2 * SHARED_BYTES, MemoryBudget())
    yield spools
    spools.close()


def bytes_in_memory() -> float:
    return metric("tintype_spool_memory_bytes")


@pytest.mark.parametrize("size", [MEMORY_BYTES + 1, LARGE_BYTES])
async def test_while_plenty_of_memory_is_free_a_known_upload_takes_no_disk(
    with_plenty: Spools, size: int
) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    async with with_plenty.opened(LARGE_BYTES, size) as spool:
        content = await put(spool, data[:size])

        assert (bytes_in_memory(), bytes_on_disk()) == (size, 0)
        assert content.is_in_memory
        assert content.read(0, size + 10) == data[:size]

    assert bytes_in_memory() == 0


@pytest.mark.parametrize("expected", [0, LARGE_BYTES + 1])
async def test_what_may_be_larger_is_on_the_disk_however_much_memory_is_free(
    with_plenty: Spools, expected: int
) -> None:
    async with with_plenty.opened(2 * LARGE_BYTES, expected) as spool:
        content = await put(spool, bytes(MEMORY_BYTES + 1))

        assert not content.is_in_memory
        assert bytes_in_memory() == 0


async def test_all_uploads_in_memory_share_a_bound(with_plenty: Spools) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(SHARED_BYTES // LARGE_BYTES):
            await stack.enter_async_context(with_plenty.opened(LARGE_BYTES, LARGE_BYTES))
        assert (bytes_in_memory(), bytes_on_disk()) == (SHARED_BYTES, 0)

        async with with_plenty.opened(LARGE_BYTES, MEMORY_BYTES + 1):
            assert (bytes_in_memory(), bytes_on_disk()) == (SHARED_BYTES, MEMORY_BYTES + 1)


async def test_where_memory_is_short_uploads_are_on_the_disk(tmp_path: Path) -> None:
    spools = Spools(tmp_path, MAX_BYTES, MemoryBudget(Memory(1000 * MIB, lambda: 500 * MIB)))
    async with spools.opened(REQUEST_BYTES, 2 * MIB):
        assert (bytes_in_memory(), bytes_on_disk()) == (0, 2 * MIB)
    spools.close()


async def test_what_is_kept_beside_an_upload_in_memory_moves_both_to_the_disk(
    with_plenty: Spools,
) -> None:
    sent, made = b"sent" * MIB, b"made" * MIB
    async with with_plenty.opened(REQUEST_BYTES, len(sent)) as spool:
        contents = [await put(spool, sent), await spool.keep(made)]

        assert [each.read(0, each.length) for each in contents] == [sent, made]
        assert not any(each.is_in_memory for each in contents)
        assert bytes_on_disk() == len(sent + made)


async def test_a_file_has_no_name_and_goes_when_the_request_ends(
    spools: Spools, tmp_path: Path
) -> None:
    before = open_files()
    async with spools.opened(REQUEST_BYTES) as spool:
        await put(spool, bytes(MEMORY_BYTES + 1))
        assert os.listdir(tmp_path) == []
        assert open_files() == before + 1
        assert bytes_on_disk() == MEMORY_BYTES + 1

    assert open_files() == before
    assert bytes_on_disk() == 0


async def test_a_content_cannot_be_read_after_its_request(spools: Spools) -> None:
    async with spools.opened(REQUEST_BYTES) as spool:
        contents = [await put(spool, b"small"), await put(spool, bytes(2 * MIB))]

    for content in contents:
        with pytest.raises(ValueError, match="has ended"):
            content.read(0, 1)


async def test_a_file_that_cannot_be_read_is_not_taken_for_a_damaged_image(
    spools: Spools, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with spools.opened(REQUEST_BYTES) as spool:
        content = await put(spool, bytes(2 * MIB))
        monkeypatch.setattr(os, "pread", failing)

        with pytest.raises(UnavailableError) as caught:
            content.read(0, 1)

    assert (caught.value.code, caught.value.status) == ("upload_storage_unavailable", 503)
    assert caught.value.headers() == {"x-should-retry": "true"}


def failing(*_: object) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


async def test_a_cancelled_request_leaves_nothing(spools: Spools) -> None:
    before, is_writing = open_files(), asyncio.Event()

    async def request() -> None:
        async with spools.opened(REQUEST_BYTES) as spool:
            await put(spool, bytes(2 * MIB))
            is_writing.set()
            while True:
                await put(spool, bytes(WRITE_BYTES))

    task = asyncio.create_task(request())
    await is_writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await eventually(lambda: (open_files(), bytes_on_disk()) == (before, 0))


async def test_a_request_for_which_there_is_no_room_is_refused_before_it_is_read(
    spools: Spools,
) -> None:
    shed = metric("tintype_requests_shed_total", reason="disk")
    async with spools.opened(MAX_BYTES, expected_bytes=MAX_BYTES - MIB):
        with pytest.raises(OverloadedError) as caught:
            async with spools.opened(MAX_BYTES, expected_bytes=2 * MIB):
                pytest.fail("it was let in")

    assert caught.value.headers() == {"x-should-retry": "true", "Retry-After": "5"}
    assert metric("tintype_requests_shed_total", reason="disk") == shed + 1
    assert bytes_on_disk() == 0


async def test_an_upload_without_a_length_is_refused_where_the_room_ends(spools: Spools) -> None:
    async with spools.opened(MAX_BYTES, expected_bytes=MAX_BYTES - 2 * MIB):
        async with spools.opened(MAX_BYTES) as spool:
            await put(spool, bytes(MIB))
            with pytest.raises(OverloadedError):
                await put(spool, bytes(MIB + 1))
        assert bytes_on_disk() == MAX_BYTES - 2 * MIB


async def test_unused_reserved_bytes_are_released(spools: Spools) -> None:
    async with spools.opened(REQUEST_BYTES, expected_bytes=8 * MIB) as spool:
        assert bytes_on_disk() == 8 * MIB
        await put(spool, bytes(3 * MIB))
        spool.release_unused()
        assert bytes_on_disk() == 3 * MIB


async def test_no_more_is_reserved_than_a_request_may_have(spools: Spools) -> None:
    async with spools.opened(REQUEST_BYTES, expected_bytes=100 * MAX_BYTES):
        assert bytes_on_disk() == REQUEST_BYTES


async def test_a_request_has_a_bound_of_its_own(spools: Spools) -> None:
    async with spools.opened(2 * MIB) as spool:
        await put(spool, bytes(2 * MIB))
        with pytest.raises(PayloadTooLargeError, match="at most 2097152 bytes"):
            await put(spool, b"x")


async def test_a_missing_folder_is_a_retryable_error(tmp_path: Path) -> None:
    spools = Spools(tmp_path / "gone", MAX_BYTES)
    async with spools.opened(REQUEST_BYTES) as spool:
        with pytest.raises(UnavailableError) as caught:
            await put(spool, bytes(2 * MIB))

    assert caught.value.code == "upload_storage_unavailable"
    assert caught.value.headers() == {"x-should-retry": "true", "Retry-After": "5"}
    spools.close()


class FullDisk(Spools):
    """A disk without space."""

    @override
    def make_file(self) -> IO[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_is_no_room(tmp_path: Path) -> None:
    spools = FullDisk(tmp_path, MAX_BYTES)
    async with spools.opened(REQUEST_BYTES) as spool:
        with pytest.raises(OverloadedError):
            await put(spool, bytes(2 * MIB))
    spools.close()


async def test_the_limit_is_a_metric(spools: Spools) -> None:
    assert metric("tintype_spool_limit_bytes") == MAX_BYTES
