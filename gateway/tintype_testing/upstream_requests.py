"""What a call to a provider sends, read back."""

import json
from typing import Any

from tintype_gateway.values.upstream import UpstreamRequest


def sent_bytes(request: UpstreamRequest) -> bytes:
    """Return the whole body, as it goes over the wire."""
    body = request.body
    return body if isinstance(body, bytes) else b"".join(body.chunks())


def sent_json(request: UpstreamRequest) -> Any:
    """Return the JSON document that the body is."""
    return json.loads(sent_bytes(request))
