"""Where messages go, and the secrets that sign them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp

from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.webhooks.signature import parse_secret

log = logging.getLogger(__name__)

CONFIGURED = "configured"
"""The destination of messages that go to the URL of the settings."""


class NoEndpointError(Exception):
    """A message cannot be sent now. The text says why, and is shown to administrators."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final
        """Whether no later attempt can succeed."""


@dataclass(frozen=True)
class Endpoint:
    """A receiver."""

    url: str = field(repr=False)
    """Its path or query may be a secret."""

    keys: Sequence[bytes] = field(repr=False)
    """At least one."""

    session: aiohttp.ClientSession = field(repr=False)
    """A session that goes only to addresses which this receiver may have."""

    payload: str = field(repr=False)
    """The body that it gets, in JSON."""


class Endpoints(Protocol):
    """Finds the receivers of messages."""

    async def find(self, message: WebhookMessage) -> Endpoint:
        """Return the receiver of a message now.

        Raises:
            NoEndpointError: There is none.
            LedgerError: The ledger could not say which one.
        """


class SecretsFile:
    """A file with a secret in each line, read anew for each message, because it is rotated."""

    def __init__(self, path: Path, purpose: str = "webhooks") -> None:
        self._path = path
        self._purpose = purpose
        self._keys: tuple[bytes, ...] = ()

    def load(self) -> tuple[bytes, ...]:
        """Return the keys of the secrets that the file has now.

        Raises:
            OSError: It cannot be read.
            ValueError: It has no secret, or a line that is none. No line is repeated.
        """
        lines = [line.strip() for line in self._path.read_text().splitlines()]
        try:
            keys = tuple(parse_secret(line) for line in lines if line)
        except ValueError as error:
            raise ValueError(f"{self._path}: each line {error}") from error
        if not keys:
            raise ValueError(f"{self._path} has no secret")
        return keys

    async def keys(self) -> Sequence[bytes]:
        """Return the current keys; while the file cannot be used, those that it had before."""
        try:
            self._keys = await asyncio.to_thread(self.load)
        except (OSError, ValueError) as error:
            log.error(f"secrets of {self._purpose} not read", extra={"error": str(error)})
        return self._keys


class ConfiguredEndpoint:
    """The receiver that the settings name."""

    def __init__(self, url: str, secrets: SecretsFile, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._secrets = secrets
        self._session = session

    async def find(self, message: WebhookMessage) -> Endpoint:
        """See `Endpoints`."""
        keys = await self._secrets.keys()
        if not keys:
            raise NoEndpointError("no secret is configured")
        return Endpoint(self._url, keys, self._session, message.payload)


class ByDestination:
    """Finds the receiver of a message by the first word of its destination."""

    def __init__(self, endpoints: Mapping[str, Endpoints]) -> None:
        self._endpoints = endpoints

    async def find(self, message: WebhookMessage) -> Endpoint:
        """See `Endpoints`."""
        endpoints = self._endpoints.get(message.destination.partition(":")[0])
        if endpoints is None:
            raise NoEndpointError("no receiver is configured for it")
        return await endpoints.find(message)
