"""Images that a request names by their URLs: fetched within bounds, from public addresses only.

Clients must not reach addresses that only the gateway can reach. All failures therefore look alike,
except those that the client can see for itself.
"""

import aiohttp
import yarl

from tintype_gateway.errors import BadRequestError, GatewayError, PayloadTooLargeError
from tintype_gateway.runtime.spool import SpoolWriter
from tintype_gateway.upstream.urls import parsed_url

FETCH_SECONDS = 10
"""What an image may take, from the look-up of its host to its last byte."""

MAX_URL_CHARACTERS = 4096


class ImageFetcher:
    """Fetches images, by a session that goes to public addresses only."""

    def __init__(
        self, session: aiohttp.ClientSession, max_bytes: int, seconds: float = FETCH_SECONDS
    ) -> None:
        self._session = session
        self._max_bytes = max_bytes
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def __call__(self, url: str, param: str, writer: SpoolWriter) -> None:
        """Write the image at a URL, which the field `param` of a request holds.

        Raises:
            BadRequestError: The URL is not allowed, or there is no image.
            PayloadTooLargeError: The image has too many bytes.
            OverloadedError: There is no room on the disk for it.
        """
        target = _checked(url, param)
        try:
            async with self._session.get(
                target, timeout=self._timeout, allow_redirects=False
            ) as response:
                self._require_image(response, param)
                async for chunk in response.content.iter_any():
                    self._require_bytes(writer.length + len(chunk), param)
                    await writer.write(chunk)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unavailable(param) from error

    def _require_image(self, response: aiohttp.ClientResponse, param: str) -> None:
        if 300 <= response.status < 400:
            raise _refused(param, "redirects are not followed: send the URL of the image itself")
        if response.status != 200 or response.headers.get("Content-Encoding"):
            raise _unavailable(param)
        self._require_bytes(response.content_length or 0, param)

    def _require_bytes(self, count: int, param: str) -> None:
        if count > self._max_bytes:
            raise PayloadTooLargeError(
                f"{param}: must have at most {self._max_bytes} bytes", param=param
            )


def _checked(url: str, param: str) -> yarl.URL:
    if len(url) > MAX_URL_CHARACTERS:
        raise _refused(param, f"must have at most {MAX_URL_CHARACTERS} characters")
    try:
        target = parsed_url(url)
        is_allowed = target.scheme == "https" and bool(target.host)
        has_user = target.raw_user is not None or target.raw_password is not None
    except ValueError as error:
        raise _refused(param, "must be an https URL") from error
    if not is_allowed or has_user:
        raise _refused(param, "must be an https URL with a host, and without a user")
    return target


def _unavailable(param: str) -> GatewayError:
    return _refused(
        param, "the image could not be fetched: a public https server must send it in 10 seconds"
    )


def _refused(param: str, problem: str) -> BadRequestError:
    return BadRequestError(f"{param}: {problem}", code="invalid_image_url", param=param)
