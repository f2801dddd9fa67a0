"""One HTTP call to a provider, and its response."""

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from tintype_catalog.catalog import Binding
from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream_body import StreamedBody


@frozen_value(frozen=True, slots=True)
class AwsSigner:
    """The AWS credentials that sign a call when it is sent (Signature Version 4)."""

    service: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@frozen_value(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP call to a provider. Its repr omits the headers, which contain a secret."""

    url: str
    """The percent-encoded URL."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes | StreamedBody = field(repr=False)
    signer: AwsSigner | None = None
    """The signer of the call, if its headers do not contain a credential."""

    image_base: str | None = None
    """The URL below which the response may name images, instead of holding them."""

    image_hosts: tuple[str, ...] = ()
    """The hosts at which the response may name images, beside that of the call: entries as in
    `tintype_catalog.allowed_hosts`. Where there are any, images are fetched without the headers of
    the call, so that no host of images gets its credentials. Else they are fetched with them, below
    `image_base` only."""

    own_host_headers: frozenset[str] = frozenset()
    """The names of headers that go to the host of the call only: the further headers of a binding,
    whose owner has allowed no other host."""

    @property
    def access_headers(self) -> dict[str, str]:
        """The headers that do not describe the body, the credentials among them."""
        return {k: v for k, v in self.headers.items() if k.lower() not in _OF_THE_BODY}


_OF_THE_BODY = frozenset({"content-type", "content-length", "accept"})


class Timeouts(NamedTuple):
    """The time limits of one call in seconds, each counted from the start of the call."""

    connect: float
    """Until the connection is established. Nothing has been sent before."""

    first_byte: float | None
    """Until the head of the response has arrived; None if that has no limit of its own."""

    total: float
    """Until the response is complete."""

    @classmethod
    def of(cls, binding: Binding, remaining: float) -> "Timeouts":
        """Return the limits of a binding, bounded by the remaining seconds of the request."""
        total = min(binding.timeout_seconds, remaining)
        first_byte = binding.first_byte_timeout_seconds
        if first_byte is not None and first_byte >= total:
            first_byte = None
        return cls(min(binding.connect_timeout_seconds, total), first_byte, total)


@frozen_value(frozen=True, slots=True)
class ResponseLimits:
    """The largest responses that the gateway reads from a provider."""

    response_bytes: int = 256 * 1024 * 1024
    """The largest response: ten images of the largest size of any provider."""

    event_bytes: int = 64 * 1024 * 1024
    """The largest event of a stream: one such image with its fields."""


@frozen_value(frozen=True, slots=True)
class PlannedCall:
    """One planned call to a provider."""

    first: int
    """The index of its first image among those of the request."""

    asked: int
    """The number of images to ask for."""

    job: Job
    """The job of the call, with its own seed."""


@frozen_value(frozen=True, slots=True)
class UpstreamResponse:
    """The response of a provider."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
