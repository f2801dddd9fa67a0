"""A provider may say by a date when it wants to be called again."""

import datetime
from email.utils import format_datetime

import aiohttp
import pytest

from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.faulty_server import faulty_server, http_response, says


async def test_a_date_counts_from_the_gateways_clock_if_the_response_has_none() -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    headers = f"Retry-After: {format_datetime(later, usegmt=True)}"
    throttled = says(http_response(b"{}", headers, status="429 Too Many Requests"))

    async with faulty_server(throttled) as provider, aiohttp.ClientSession() as session:
        request = UpstreamRequest(provider.url, {}, b"{}")
        with pytest.raises(UpstreamFault) as caught:
            await anext(call(request, openai_images, session, Timeouts(10, 10, 10)))

    assert caught.value.retry_after_seconds is not None
    assert 3000 < caught.value.retry_after_seconds <= 3600
