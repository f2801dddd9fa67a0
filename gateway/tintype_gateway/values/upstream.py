"""One HTTP call to a provider, and its response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tintype_catalog.catalog import Binding
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream_body import StreamedBody


@dataclass(frozen=True, slots=True)
class AwsSigner:
    """What a call to AWS is signed with, at the moment when it is sent (Signature Version 4)."""

    service: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP call to a provider. Its headers hold a secret, so they stay out of its repr."""

    url: str
    """The URL as it goes over the wire, percent-encoded."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes | StreamedBody = field(repr=False)
    signer: AwsSigner | None = None
    """Signs the call, where its headers do not prove our identity by themselves."""


class Timeouts(NamedTuple):
    """How long one call to a provider may take, in seconds, each counted from its beginning."""

    connect: float
    """Until the connection is there. Nothing has been sent before."""

    first_byte: float
    """Until the head of the response is there."""

    total: float
    """Until the response is complete."""

    @classmethod
    def of(cls, binding: Binding, remaining: float) -> "Timeouts":
        """Return those of a binding, where the request itself has only so many seconds left."""
        total = min(binding.timeout_seconds, remaining)
        first_byte = min(binding.first_byte_timeout_seconds or total, total)
        return cls(min(binding.connect_timeout_seconds, total), first_byte, total)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call to a provider that is about to be made."""

    first: int
    """The index of its first image among those of the request."""

    asked: int
    """How many images it asks for."""

    job: Job
    """What it asks for, with a seed of its own."""


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """What a provider responded."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
