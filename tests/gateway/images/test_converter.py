"""The threads that convert images."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tintype_gateway.images import converter as module
from tintype_gateway.images.convert import Converted, convert
from tintype_gateway.images.converter import Converter
from tintype_gateway.values.job import Encoding
from tintype_testing.sample_images import sample_image
from tintype_testing.waiting import eventually


@pytest.fixture
def converter() -> Iterator[Converter]:
    converter = Converter(2)
    yield converter
    converter.close()


class Gate:
    """Blocks all conversions until it is opened, and counts those that started."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.started = 0

    def convert(self, text: bytes, encoding: Encoding) -> Converted:
        self.started += 1
        assert self.open.wait(60)
        return convert(text, encoding)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(module, "convert", gate.convert)
    yield gate
    gate.open.set()


async def test_images_come_in_the_new_format(converter: Converter) -> None:
    results = await asyncio.gather(
        *(converter.convert(sample_image(), Encoding("jpeg")) for _ in range(5))
    )
    assert all(result.content.startswith(b"\xff\xd8") for result in results)


async def test_a_broken_image_is_an_error(converter: Converter) -> None:
    with pytest.raises(ValueError, match="decoded"):
        await converter.convert(sample_image()[:80], Encoding("jpeg"))


async def test_no_more_are_converted_at_once_than_there_are_workers(
    converter: Converter, gate: Gate
) -> None:
    tasks = [
        asyncio.create_task(converter.convert(sample_image(), Encoding("webp"))) for _ in range(6)
    ]
    await eventually(lambda: gate.started == 2)
    assert not any(task.done() for task in tasks)

    gate.open.set()
    await asyncio.gather(*tasks)
    assert gate.started == 6


async def test_a_conversion_cancelled_in_the_queue_is_never_started(
    converter: Converter, gate: Gate
) -> None:
    tasks = [
        asyncio.create_task(converter.convert(sample_image(), Encoding("webp"))) for _ in range(6)
    ]
    await eventually(lambda: gate.started == 2)
    for task in tasks[2:]:
        task.cancel()
    await asyncio.wait(tasks[2:])

    gate.open.set()
    await asyncio.gather(*tasks[:2])
    assert gate.started == 2
