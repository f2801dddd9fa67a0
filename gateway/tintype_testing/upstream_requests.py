"""What a call to a provider sends, read back."""

import email
import email.policy
import json
from typing import Any, NamedTuple

from tintype_gateway.values.upstream import UpstreamRequest


def sent_bytes(request: UpstreamRequest) -> bytes:
    """Return the whole body, as it goes over the wire."""
    body = request.body
    return body if isinstance(body, bytes) else b"".join(body.chunks())


def sent_json(request: UpstreamRequest) -> Any:
    """Return the JSON document that the body is."""
    return json.loads(sent_bytes(request))


class SentPart(NamedTuple):
    """A part of a form."""

    name: str
    value: bytes
    filename: str | None
    content_type: str


def sent_parts(request: UpstreamRequest) -> list[SentPart]:
    """Return the parts of the form that the body is, in their order."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + sent_bytes(request), policy=email.policy.HTTP)
    return [
        SentPart(
            str(part.get_param("name", header="Content-Disposition")),
            part.get_payload(decode=True),  # type: ignore[arg-type]  # no part has parts
            part.get_filename(),
            part.get_content_type(),
        )
        for part in message.iter_parts()
    ]
