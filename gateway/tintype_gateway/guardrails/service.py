"""Asks a policy service one question: a signed POST, whose response is the verdict."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError

from tintype_gateway.guardrails.protocol import ImagesCheck, PromptCheck
from tintype_gateway.observability import spans
from tintype_gateway.upstream.egress import ForbiddenAddressError
from tintype_gateway.webhooks.endpoints import SecretsFile
from tintype_gateway.webhooks.signature import signed_headers

MAX_RESPONSE_BYTES = 8 * 1024 * 1024
"""The largest response: that with the longest prompt."""

FailureKind = Literal["timeout", "unreachable", "forbidden", "refused", "invalid", "misconfigured"]
"""`refused`: another status than 200. `forbidden`: an address that the release does not allow.
`invalid`: no verdict of the protocol. `misconfigured`: there is no secret."""

Answer = TypeVar("Answer")


class PolicyFailure(Exception):
    """There is no verdict. The text has no part of a prompt, and not the URL."""

    def __init__(self, kind: FailureKind, cause: str) -> None:
        super().__init__(cause)
        self.kind = kind


@dataclass(frozen=True)
class PolicyService:
    """The service of the settings."""

    url: str = field(repr=False)
    """Its path may be a secret."""

    secrets: SecretsFile
    session: aiohttp.ClientSession = field(repr=False)
    """A session that goes only to addresses which the release allows."""

    seconds: float
    """How long a verdict may take, from the first byte to the last."""

    wall_clock: Callable[[], float] = time.time

    async def ask(
        self, question: PromptCheck | ImagesCheck, answers: TypeAdapter[Answer]
    ) -> Answer:
        """Return the verdict.

        Raises:
            PolicyFailure: There is none.
        """
        body = question.model_dump_json().encode()
        keys = await self.secrets.keys()
        if not keys:
            raise PolicyFailure("misconfigured", "no secret is configured")
        asked = signed_headers(keys, f"grd_{uuid.uuid4().hex}", int(self.wall_clock()), body)
        headers = spans.propagated({"Content-Type": "application/json"} | asked)
        try:
            async with (
                asyncio.timeout(self.seconds),
                self.session.post(
                    self.url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return _verdict(response.status, await _read(response), answers)
        except TimeoutError as error:
            message = f"no verdict in {self.seconds:g} seconds"
            raise PolicyFailure("timeout", message) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error


def _verdict(status: int, content: bytes, answers: TypeAdapter[Answer]) -> Answer:
    if status != 200:
        raise PolicyFailure("refused", f"status {status}")
    try:
        return answers.validate_json(content)
    except ValidationError as error:  # its text may quote a prompt
        places = {".".join(map(str, each["loc"])) or "the body" for each in error.errors()}
        message = f"not a verdict: {', '.join(sorted(places))}"
        raise PolicyFailure("invalid", message) from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    while chunk := await response.content.readany():
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise PolicyFailure("invalid", f"a response above {MAX_RESPONSE_BYTES} bytes")
    return bytes(content)


def _unreachable(error: Exception) -> PolicyFailure:
    """Return the failure of a connection. The texts of aiohttp may have the URL."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, ForbiddenAddressError):
        return PolicyFailure("forbidden", str(cause.strerror))
    why = getattr(cause, "strerror", None) or type(cause).__name__
    return PolicyFailure("unreachable", f"the policy service cannot be reached: {why}")
