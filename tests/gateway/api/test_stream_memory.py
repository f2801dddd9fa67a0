"""What a stream holds in memory."""

import asyncio
import gc
from pathlib import Path

from tests.gateway.api.scripted import Script, completed, partial_image
from tests.gateway.api.test_disconnects import raw_connection
from tests.gateway.api.test_stream_disconnects import END, ask
from tests.gateway.api.test_streams import gateway_with
from tintype_gateway.values.images import Preview
from tintype_gateway.values.response import Event
from tintype_testing.waiting import eventually


def previews_in_memory() -> int:
    """Return how many previews there are, and events that were made of them."""
    return sum(type(each) in (Preview, Event) for each in gc.get_objects())


async def test_no_preview_is_held_while_the_provider_makes_the_next_image(tmp_path: Path) -> None:
    before, makes_the_next = previews_in_memory(), asyncio.Event()
    script = Script([partial_image(), makes_the_next, completed()])
    async with (
        gateway_with(tmp_path, script) as (gateway, _),
        raw_connection(gateway) as (reader, writer),
    ):
        ask(gateway, writer, partial_images=1)
        await reader.readuntil(b'"partial_image_index": 0')

        await eventually(lambda: previews_in_memory() <= before)
        makes_the_next.set()
        await reader.readuntil(END)
