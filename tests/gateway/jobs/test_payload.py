"""The stored requests of jobs: as they arrived, sealed, and gone when the job has ended."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tintype_gateway.errors import OverloadedError
from tintype_gateway.jobs import payload as payloads
from tintype_gateway.jobs.payload import PayloadError, Payloads, StoredRequest
from tintype_gateway.jobs.sealing import KEY_BYTES, Sealing
from tintype_gateway.runtime.memory_budget import Memory, MemoryBudget
from tintype_gateway.runtime.spool import Spools
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.storage.links import Links
from tintype_gateway.values.content import BytesContent, JsonBody, Upload, UploadedDocument
from tintype_gateway.values.routes import ForcedProvider
from tintype_testing.image_stores import folder_store
from tintype_testing.metrics import metric

MIB = 2**20
KEY = bytes(range(KEY_BYTES))
JOB = "job_0190"


@pytest.fixture
async def spools(tmp_path: Path) -> AsyncIterator[Spools]:
    spools = Spools(tmp_path, 64 * MIB)
    yield spools
    spools.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def stored(folder: Path, spools: Spools) -> Payloads:
    return Payloads(Sealing([KEY]), folder_store(folder), spools, 64 * MIB, 3600)


def edit(*images: bytes, mask: bytes | None = None, **fields: Any) -> StoredRequest:
    uploads = tuple(
        Upload(BytesContent(data), f"image[{number}]") for number, data in enumerate(images)
    )
    covered = None if mask is None else Upload(BytesContent(mask), "mask")
    document = UploadedDocument({"prompt": "a heron", **fields}, uploads, covered, "digest-17")
    return StoredRequest("image_edit", document)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


@given(
    fields=st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4),
    handling=st.sampled_from([None, "strict", "lenient"]),
    profile=st.sampled_from([None, "router", "openai"]),
    provider=st.none() | st.builds(ForcedProvider, st.text(), st.text()),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
async def test_a_request_without_images_opens_as_it_arrived(
    stored: Payloads, fields: dict[str, Any], handling: Any, profile: Any, provider: Any
) -> None:
    body = JsonBody(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"))
    request = StoredRequest("image_generation", body, provider, handling, profile)

    async with stored.opened(JOB, await stored.seal(JOB, request)) as opened:
        assert opened == request


@pytest.mark.parametrize("sizes", [(0,), (1,), (1000,), (999, 1001), (2500, 3000, 1)])
async def test_images_of_any_number_of_pieces_open_as_they_arrived(
    stored: Payloads, monkeypatch: pytest.MonkeyPatch, sizes: Sequence[int]
) -> None:
    monkeypatch.setattr(payloads, "PIECE_BYTES", 1000)
    images = [bytes([number]) * size for number, size in enumerate(sizes)]
    request = edit(*images, mask=b"which part", n=2)

    async with stored.opened(JOB, await stored.seal(JOB, request)) as opened:
        body = opened.body
        assert isinstance(body, UploadedDocument)
        assert (body.fields, body.digest) == ({"prompt": "a heron", "n": 2}, "digest-17")
        read = [image.content.read(0, 10_000) for image in body.images]
        assert read == images
        assert [image.param for image in body.images] == [
            f"image[{number}]" for number in range(len(images))
        ]
        assert body.mask is not None
        assert (body.mask.param, body.mask.content.read(0, 100)) == ("mask", b"which part")
        kept = await body.keep(b"made anew")
        assert kept.read(0, 100) == b"made anew"


async def test_nothing_that_is_stored_shows_prompt_or_image(stored: Payloads, folder: Path) -> None:
    payload = await stored.seal(JOB, edit(b"secret image " * 100))

    assert b"heron" not in payload
    assert len(files(folder)) == 1
    assert b"secret image" not in files(folder)[0].read_bytes()


async def test_images_of_two_requests_cannot_be_exchanged(stored: Payloads, folder: Path) -> None:
    payload = await stored.seal("job_a", edit(b"an image of a"))
    await stored.seal("job_b", edit(b"an image of b"))
    first, second = files(folder)
    first.write_bytes(second.read_bytes())

    with pytest.raises(PayloadError, match="something else"):
        async with stored.opened("job_a", payload):
            pass


async def test_a_payload_is_of_its_job_only(stored: Payloads) -> None:
    payload = await stored.seal("job_a", StoredRequest("image_generation", JsonBody(b"{}")))

    with pytest.raises(PayloadError, match="cannot be opened"):
        async with stored.opened("job_b", payload):
            pass


async def test_images_that_are_gone_are_an_error(stored: Payloads, folder: Path) -> None:
    payload = await stored.seal(JOB, edit(b"an image"))
    files(folder)[0].unlink()

    with pytest.raises(PayloadError, match="gone"):
        async with stored.opened(JOB, payload):
            pass


async def test_discarded_images_leave_the_store(
    stored: Payloads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "PIECE_BYTES", 1000)
    payload = await stored.seal(JOB, edit(bytes(2500), bytes(10), mask=bytes(1001)))
    assert len(files(folder)) == 6

    await stored.discard(JOB, payload)

    assert files(folder) == []


async def test_images_that_cannot_be_removed_are_logged(
    stored: Payloads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(name: str) -> None:
        raise StoreError("the bucket is away")

    payload = await stored.seal(JOB, edit(b"image"))
    monkeypatch.setattr(stored.store, "delete", away)

    await stored.discard(JOB, payload)

    (line,) = [each for each in caplog.records if each.message == "images of a job not removed"]
    assert (vars(line)["job"], vars(line)["error"]) == (JOB, "the bucket is away")


class FullFolder(FolderStore):
    """A folder that has no room for the third file."""

    @override
    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        if name.endswith(".2.0"):
            raise StoreError("the folder of images cannot be used: no space left")
        await super().put(name, content, content_type, lifetime_seconds)


async def test_a_request_that_cannot_be_stored_leaves_nothing(folder: Path, spools: Spools) -> None:
    store = FullFolder(folder, Links(bytes(32)))
    stored = Payloads(Sealing([KEY]), store, spools, 64 * MIB, 3600)

    with pytest.raises(StoreError):
        await stored.seal(JOB, edit(b"first", b"second", b"third"))
    assert files(folder) == []


class Watched(FolderStore):
    """A folder that notes how many bytes are reserved whenever a file is read."""

    reserved: ClassVar[set[float]] = set()

    @override
    async def get(self, name: str) -> bytes:
        self.reserved.add(metric("tintype_memory_reserved_bytes"))
        return await super().get(name)


async def test_images_are_opened_in_the_memory_of_two_pieces(
    folder: Path, spools: Spools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "PIECE_BYTES", 1000)
    store, memory = Watched(folder, Links(bytes(32))), MemoryBudget()
    stored = Payloads(Sealing([KEY]), store, spools, 64 * MIB, 3600, memory)
    sealed = await stored.seal(JOB, edit(bytes(700), bytes(2500)))

    async with stored.opened(JOB, sealed):
        assert store.reserved == {2000}
        assert metric("tintype_memory_reserved_bytes") == 0


async def test_images_for_which_there_is_no_memory_are_not_opened(
    folder: Path, spools: Spools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "MEMORY_SECONDS", 0.1)
    memory = MemoryBudget(Memory(1000))
    stored = Payloads(Sealing([KEY]), folder_store(folder), spools, 64 * MIB, 3600, memory)
    sealed = await stored.seal(JOB, edit(bytes(300)))

    with memory.reserved(500), pytest.raises(OverloadedError):
        async with stored.opened(JOB, sealed):
            pass
