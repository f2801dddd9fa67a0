"""A provider that sends us elsewhere: our credentials and the prompt go nowhere else."""

from pathlib import Path

import pytest

from tests.gateway.upstream.dialect_manifests import counted_as, gateway_before, is_refused
from tintype_testing.faulty_server import faulty_server, http_response, says

PLACES = ("Location: {url}/v1/images/generations", "Location: //{host}/", "Refresh: 0; url={url}")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Kept", "308 Kept"])
@pytest.mark.parametrize("place", PLACES, ids=["url", "host", "refresh"])
async def test_a_redirect_is_refused_and_the_other_host_never_called(
    tmp_path: Path, place: str, status: str, stream: bool
) -> None:
    async with faulty_server(says(http_response(b"{}"))) as elsewhere:
        header = place.format(url=elsewhere.url, host=elsewhere.url.removeprefix("http://"))
        redirect = says(http_response(b"", header, status=status))
        async with gateway_before(tmp_path, redirect) as (gateway, provider):
            with counted_as("misconfigured"):
                response = await gateway.generate(stream=stream)

            await is_refused(gateway, response, 503, "provider_unavailable")
            assert provider.calls == 1
        assert elsewhere.calls == 0


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_an_image_that_lies_elsewhere_is_not_fetched(tmp_path: Path, stream: bool) -> None:
    async with faulty_server(says(http_response(b"{}"))) as elsewhere:
        body = f'{{"created": 1, "data": [{{"url": "{elsewhere.url}/a.png"}}]}}'.encode()
        async with gateway_before(tmp_path, says(http_response(body))) as (gateway, _):
            with counted_as("outcome_unknown"):
                response = await gateway.generate(stream=stream)

            await is_refused(gateway, response, 503, "outcome_unknown")
        assert elsewhere.calls == 0
