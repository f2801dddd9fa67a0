"""A call whose image has been passed on can only have an unknown outcome, or a good one."""

import json

import aiohttp
import pytest

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.upstream.passthrough.reading import PNG, Client, read_whole
from tintype_gateway.dialects.bedrock import stability
from tintype_gateway.upstream.passthrough import PassThrough
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import PassingImage
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import plan

MADE = {"finish_reasons": [None], "images": [PNG], "seeds": ["7"]}


async def called(content: bytes, client: Client) -> PassThrough:
    """Call a provider that responds so, and return what its image passed through."""
    through = PassThrough(stability.FIRST_IMAGE, plan(), read_whole)
    async with (
        scripted(Script([content], content_type="application/json")) as provider,
        aiohttp.ClientSession() as session,
    ):
        url = f"{provider.url}/v1/images/generations"
        request = UpstreamRequest(url, {"Content-Type": "application/json"}, b"{}")
        timeouts = Timeouts(10, 10, 10)
        async for event in call(request, stability, session, timeouts, through):
            if isinstance(event, PassingImage):
                await client.take(event.pieces)
    return through


async def test_an_image_of_a_response_without_a_length_passes_through() -> None:
    client = Client()

    through = await called(json.dumps(MADE).encode(), client)

    assert through.passed is not None
    assert PNG.encode() in b"".join(client.pieces)


async def test_a_fault_after_the_first_image_is_never_retryable() -> None:
    client = Client()
    content = json.dumps(MADE).encode()[:-1] + b', "finish_reasons": ["Inference error"]}'

    with pytest.raises(UpstreamFault) as caught:
        await called(content, client)

    assert caught.value.kind == "outcome_unknown"
    assert client.pieces
