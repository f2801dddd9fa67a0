"""Images that a provider names by URLs, instead of sending them in its response.

Only the provider's own host, or hosts that its dialect lists, are asked for them: a response must
not lead the gateway elsewhere.
"""

import asyncio
import errno
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import pybase64
import yarl

from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.observability.spans import propagated
from tintype_gateway.upstream.provider_urls import listed_url
from tintype_gateway.upstream.urls import parsed_url
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.upstream import UpstreamRequest

MAX_BYTES = 64 * 1024 * 1024
"""The most bytes of all images of a call."""

LARGE_BYTES = 4 * 1024 * 1024
"""From this size on, encoding an image takes longer than the event loop should wait: some ms."""

PAUSES_SECONDS = (0.25, 1.0)
"""The pauses before an image is fetched again after a passing failure: it may have been paid for,
and fetching it costs nothing."""


async def fetched(
    result: CallResult, request: UpstreamRequest, session: aiohttp.ClientSession, seconds: float
) -> CallResult:
    """Return the result of a call with the images that it names by URLs.

    Args:
        result: What the provider responded.
        request: The call, with the hosts or the base URL of its images.
        session: That of the call.
        seconds: How long all images may take.

    Raises:
        UpstreamFault: A URL leads to another host, or there is no image within the limits.
    """
    images, left = [], MAX_BYTES
    headers = {} if request.image_hosts else request.access_headers
    try:
        async with asyncio.timeout(seconds):
            for image in result.images:
                if image.url is not None:
                    content = await _content(_target(image.url, request), headers, session, left)
                    left -= len(content)
                    image = replace(image, base64=await _encoded(content), url=None)
                images.append(image)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unfetched(type(error).__name__) from error
    return result._replace(images=tuple(images))


async def _encoded(content: bytes) -> bytes:
    """Return the base64 of an image; a thread makes that of a large one."""
    if len(content) < LARGE_BYTES:
        return pybase64.b64encode(content)
    return await asyncio.to_thread(pybase64.b64encode, content)


def _target(named: str, request: UpstreamRequest) -> yarl.URL:
    if not request.image_hosts:
        return image_url(named, request.image_base or request.url)
    try:
        return listed_url(named, request.url, request.image_hosts)
    except ValueError as error:
        raise _unfetched(str(error)) from error


def image_url(named: str, base: str) -> yarl.URL:
    """Return the URL of an image, on the scheme, host and port of `base`.

    A path belongs below `base`, whose own path may be that of a proxy. A URL has its host, and its
    port if it states one: servers behind a proxy that ends TLS name themselves by `http`.

    Raises:
        UpstreamFault: It is another host's, or no URL.
    """
    own = yarl.URL(base, encoded=True)
    try:
        target = parsed_url(named)
        host, port, user = target.host, target.explicit_port, target.raw_user
    except ValueError as error:
        raise _unfetched("it has no valid URL") from error
    if host is None:
        if target.scheme:
            raise _unfetched("it has no valid URL")
        path = f"{own.raw_path.rstrip('/')}/{target.raw_path.lstrip('/')}"
    else:
        is_own = host == own.host and port in (None, own.port)
        if not is_own or user is not None or target.scheme not in ("http", "https"):
            raise _unfetched(f"it is not at the provider's own host, but at {host}")
        path = target.raw_path
    query = f"?{target.raw_query_string}" if target.raw_query_string else ""
    return yarl.URL(f"{own.origin()}{path}{query}", encoded=True)


async def _content(
    target: yarl.URL, headers: Mapping[str, str], session: aiohttp.ClientSession, most: int
) -> bytes:
    """Return an image, which is fetched again after a passing failure."""
    for pause in PAUSES_SECONDS:
        try:
            content = await _fetched(target, headers, session, most)
        except aiohttp.ClientError as error:
            if isinstance(error, aiohttp.ClientConnectorError) and error.errno == errno.EACCES:
                raise  # the egress guard refused the address
        else:
            if content is not None:
                return content
        await asyncio.sleep(pause)
    content = await _fetched(target, headers, session, most)
    if content is None:
        raise _unfetched("the provider cannot send it now")
    return content


async def _fetched(
    target: yarl.URL, headers: Mapping[str, str], session: aiohttp.ClientSession, most: int
) -> bytes | None:
    """Return an image; None where the host cannot send it now.

    Raises:
        UpstreamFault: There is no image, or it is too large.
    """
    content, meter = bytearray(), current_meter()
    async with session.get(
        target, headers=propagated(dict(headers)), allow_redirects=False
    ) as response:
        if response.status == 429 or response.status >= 500:
            return None
        if response.status != 200:
            raise _unfetched(f"the provider responds with status {response.status}")
        async for chunk in response.content.iter_any():
            meter.received(len(chunk))
            content += chunk
            if len(content) > most:
                raise _unfetched(f"the images have more than {MAX_BYTES} bytes")
    return bytes(content)


def _unfetched(why: str) -> UpstreamFault:
    message = f"the provider made the image, and the gateway cannot fetch it: {why}"
    return UpstreamFault("outcome_unknown", message)
