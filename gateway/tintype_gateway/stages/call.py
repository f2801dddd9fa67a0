"""What does the provider answer?"""

import aiohttp
import yarl

from tintype_gateway.dialects import Dialect
from tintype_gateway.signing import signed_headers
from tintype_gateway.values import Generation, UpstreamAnswer, UpstreamFault, UpstreamRequest

CONNECT_SECONDS = 10
MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Ten pictures of the largest size that any provider makes fit in it."""


async def call(
    request: UpstreamRequest, dialect: Dialect, session: aiohttp.ClientSession
) -> Generation:
    """Return what a provider generated.

    Raises:
        UpstreamFault: It gave no picture, for whatever reason.
    """
    answer = await _post(request, session)
    if answer.status != 200:
        raise dialect.read_error(answer)
    return dialect.interpret(answer)


async def _post(request: UpstreamRequest, session: aiohttp.ClientSession) -> UpstreamAnswer:
    timeout = aiohttp.ClientTimeout(total=request.timeout_seconds, sock_connect=CONNECT_SECONDS)
    try:
        async with session.post(
            yarl.URL(request.url, encoded=True),  # a `%3A` in the path must stay as it was signed
            data=request.body,
            headers=signed_headers(request),
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return UpstreamAnswer(response.status, headers, await _read(response))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ValueError) as error:
        # A ValueError is an endpoint that is no URL.
        raise UpstreamFault(
            "unavailable", "the provider cannot be reached", unprocessed=True
        ) from error
    except TimeoutError as error:
        raise UpstreamFault(
            "timeout", f"the provider did not answer within {request.timeout_seconds:g} s"
        ) from error
    except aiohttp.ClientError as error:
        raise UpstreamFault(
            "outcome_unknown", "the connection to the provider broke off before its answer ended"
        ) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise UpstreamFault("outcome_unknown", "the provider's answer does not end")
        chunks.append(chunk)
    return b"".join(chunks)
