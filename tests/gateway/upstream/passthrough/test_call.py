"""A call whose image has been passed on can only have an unknown outcome, or a good one."""

import base64
import json

import aiohttp
import pytest

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.upstream.passthrough.reading import PNG, Client, read_whole
from tintype_gateway.dialects.bedrock import stability
from tintype_gateway.upstream.passthrough import SMALLEST_RESPONSE_BYTES, PassThrough
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import PassingImage
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import plan
from tintype_testing.sample_images import png_chunk

MADE = {"finish_reasons": [None], "images": [PNG], "seeds": ["7"]}


async def called(
    content: bytes, client: Client, content_length: int | None = None
) -> tuple[PassThrough, int | None]:
    """Call a provider that responds so.

    Returns what its image passed through, and the length that was expected of its base64.
    """
    through = PassThrough(stability.FIRST_IMAGE, plan(), read_whole)
    longest = None
    script = Script([content], content_type="application/json", content_length=content_length)
    async with (
        scripted(script) as provider,
        aiohttp.ClientSession() as session,
    ):
        url = f"{provider.url}/v1/images/generations"
        request = UpstreamRequest(url, {"Content-Type": "application/json"}, b"{}")
        timeouts = Timeouts(10, 10, 10)
        async for event in call(request, stability, session, timeouts, through):
            if isinstance(event, PassingImage):
                longest = event.longest
                await client.take(event.pieces)
    return through, longest


async def test_an_image_of_a_response_without_a_length_passes_through() -> None:
    client = Client()

    through, longest = await called(json.dumps(MADE).encode(), client)

    assert through.passed
    assert longest is None
    assert PNG.encode() in b"".join(client.pieces)


async def test_the_length_of_a_response_bounds_that_of_its_image() -> None:
    file = base64.b64decode(PNG)
    comment = png_chunk(b"tEXt", bytes(SMALLEST_RESPONSE_BYTES))
    image = base64.b64encode(file[:33] + comment + file[33:]).decode()
    content = json.dumps(MADE | {"images": [image]}).encode()

    through, longest = await called(content, Client(), len(content))

    assert through.passed
    assert longest == len(content) - content.index(image.encode())


async def test_a_fault_after_the_first_image_is_never_retryable() -> None:
    client = Client()
    content = json.dumps(MADE).encode()[:-1] + b', "finish_reasons": ["Inference error"]}'

    with pytest.raises(UpstreamFault) as caught:
        await called(content, client)

    assert caught.value.kind == "outcome_unknown"
    assert client.pieces
