"""A folder as a store."""

import asyncio
import os
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from tintype_gateway.storage.cleaning import bytes_in, make_room, remove_ended
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.interface import PIECE_BYTES, NotStoredError, StoreError, is_upload
from tintype_gateway.storage.links import KEY_BYTES, Links
from tintype_testing.waiting import eventually

HOUR = 3600


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path, Links(bytes(KEY_BYTES)), "https://images.example.com/")


async def test_a_stored_file_is_found(store: FolderStore) -> None:
    await store.put("images/a.png", b"an image", "image/png", HOUR)

    assert await store.get("images/a.png") == b"an image"


async def test_a_file_is_read_in_pieces(store: FolderStore) -> None:
    content = bytes(range(256)) * 2048
    await store.put("images/a.png", content, "image/png", HOUR)

    pieces = [piece async for piece in store.stream("images/a.png")]

    assert b"".join(pieces) == content
    assert max(map(len, pieces)) == PIECE_BYTES


async def test_a_file_and_the_folders_that_name_it_are_synced(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    await store.put("images/a.png", b"an image", "image/png", HOUR)

    await store.sync("images/a.png")

    paths = (tmp_path / "images" / "a.png", tmp_path / "images", tmp_path)
    assert synced == [path.stat().st_ino for path in paths]
    with pytest.raises(NotStoredError):
        await store.sync("images/b.png")


async def test_an_unknown_file_is_not_found(store: FolderStore) -> None:
    with pytest.raises(NotStoredError):
        await store.get("images/a.png")
    with pytest.raises(NotStoredError):
        await anext(store.stream("images/a.png"))


async def test_a_deleted_file_is_gone(store: FolderStore) -> None:
    await store.put("jobs/a", b"sealed", "application/octet-stream", HOUR)

    await store.delete("jobs/a")
    await store.delete("jobs/a")

    with pytest.raises(NotStoredError):
        await store.get("jobs/a")


async def test_urls_are_those_that_clients_reach_the_gateway_by(store: FolderStore) -> None:
    store.listens_at("http://127.0.0.1:8080")

    url = await store.url("images/a.png", HOUR)

    assert url.startswith("https://images.example.com/v1/images/files/images/a.png?expires=")


async def test_by_default_these_are_the_gateways_own(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, Links(bytes(KEY_BYTES)))
    store.listens_at("http://127.0.0.1:8080")

    assert (await store.url("images/a.png", HOUR)).startswith("http://127.0.0.1:8080/v1/images/")


async def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file where a folder should be")
    store = FolderStore(tmp_path, Links(bytes(KEY_BYTES)))

    with pytest.raises(StoreError, match="cannot be used"):
        await store.put("images/a.png", b"an image", "image/png", HOUR)


async def test_a_file_is_kept_until_its_time_is_over(store: FolderStore, tmp_path: Path) -> None:
    begun = time.time()
    await store.put("images/a.png", b"an image", "image/png", HOUR)
    await store.put("images/b.png", b"another", "image/png", 2 * HOUR)

    remove_ended(tmp_path, begun + HOUR - 1)
    assert len(list((tmp_path / "images").iterdir())) == 2

    remove_ended(tmp_path, time.time() + HOUR + 120)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["b.png"]


async def test_its_time_can_be_put_off(store: FolderStore, tmp_path: Path) -> None:
    await store.put("images/a.png", b"an image", "image/png", HOUR)
    await store.keep("images/a.png", 2 * HOUR)

    remove_ended(tmp_path, time.time() + HOUR + 120)

    assert await store.get("images/a.png") == b"an image"


async def test_incomplete_files_of_a_killed_process_are_deleted(tmp_path: Path) -> None:
    draft = tmp_path / "images" / ".0123456789abcdef"
    draft.parent.mkdir()
    draft.write_bytes(b"half a pict")
    os.utime(draft, (time.time() - 120, time.time() - 120))

    remove_ended(tmp_path, time.time())

    assert not draft.exists()


async def test_other_users_of_the_machine_cannot_read_it(
    store: FolderStore, tmp_path: Path
) -> None:
    await store.put("images/a.png", b"an image", "image/png", HOUR)

    assert (tmp_path / "images").stat().st_mode & 0o077 == 0


async def test_a_full_folder_deletes_the_files_that_expire_first(
    store: FolderStore, tmp_path: Path
) -> None:
    await store.put("images/late.png", bytes(100), "image/png", 3 * HOUR)
    await store.put("images/soon.png", bytes(100), "image/png", HOUR)
    await store.put("answers/later.json", bytes(100), "application/json", 2 * HOUR)

    assert make_room(tmp_path, 200) == 1

    assert names(tmp_path) == {"late.png", "later.json"}


async def test_one_with_room_loses_nothing(store: FolderStore, tmp_path: Path) -> None:
    await store.put("images/a.png", bytes(100), "image/png", HOUR)

    assert make_room(tmp_path, 100) == 0
    assert names(tmp_path) == {"a.png"}


async def test_nothing_is_removed_while_it_is_written(tmp_path: Path) -> None:
    draft = tmp_path / "images" / ".0123456789abcdef"
    draft.parent.mkdir()
    draft.write_bytes(bytes(100))

    assert make_room(tmp_path, 0) == 0
    assert draft.exists()


async def test_a_burst_does_not_fill_the_disk(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, Links(bytes(KEY_BYTES)), max_bytes=16_000)
    cleaning = asyncio.create_task(store.clean())
    for number in range(100):
        await store.put(f"images/{number}.png", bytes(1000), "image/png", HOUR + number)

        async def has_room() -> bool:
            return size_of(tmp_path) <= 15_000

        await eventually(has_room)
    cleaning.cancel()

    assert await store.get("images/99.png")


def peak_of_cleaning(folder: Path) -> int:
    """Return the most memory that a look for files that must go takes, in bytes."""
    tracemalloc.start()
    try:
        remove_ended(folder, time.time())
        assert bytes_in(folder, is_upload) == 0
        assert make_room(folder, 2**30) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_folder_with_many_files_takes_no_more_memory_to_clean(tmp_path: Path) -> None:
    files, soon = tmp_path / "images", time.time() + 600
    files.mkdir()
    peaks = []
    for number in range(2000):
        path = files / f"{number:032}.png"
        path.touch()
        os.utime(path, (soon, soon))
        if number in (99, 1999):
            peak_of_cleaning(tmp_path)  # what is loaded once
            peaks.append(peak_of_cleaning(tmp_path))

    few, many = peaks
    assert many < few + 2000 * 8  # a list alone would take as much


def size_of(folder: Path) -> int:
    """Return the bytes of all files, of which others may be deleted meanwhile."""
    size = 0
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*/*")}


async def test_uploads_of_jobs_take_half_of_a_folder_and_leave_results_alone(
    tmp_path: Path,
) -> None:
    store = FolderStore(tmp_path, Links(bytes(KEY_BYTES)), max_bytes=10_000)
    await store.put("images/paid.png", bytes(4000), "image/png", 60)
    await store.put("jobs/job_1.0.0", bytes(3000), "application/octet-stream", 3600)

    with pytest.raises(StoreError, match="no room for more uploads"):
        await store.put("jobs/job_2.0.0", bytes(2001), "application/octet-stream", 3600)
    await asyncio.to_thread(store._clean)
    assert await store.get("images/paid.png") == bytes(4000)
    with pytest.raises(StoreError, match="no room for more uploads"):  # counted from the files
        await store.put("jobs/job_2.0.0", bytes(2001), "application/octet-stream", 3600)

    await store.put("jobs/job_2-completed-0.json", bytes(2001), "application/json", 60)
    await store.delete("jobs/job_1.0.0")
    await store.put("jobs/job_3.0.0", bytes(5000), "application/octet-stream", 3600)
