"""Requests of an administrator to an API server.

They take a small part of the time of kubectl, and tests that wait for something ask many times.
"""

import json
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30
"""The time limit of a request."""


@dataclass(frozen=True)
class Administrator:
    """Somebody who may do everything."""

    server: str
    tls: ssl.SSLContext
    """The cluster's authority, and the client certificate."""

    def create(self, path: str, **fields: Any) -> dict[str, Any]:
        """Create an object, and return it as it is stored."""
        content = self.request("POST", path, json.dumps(fields))
        assert content is not None, f"{path} takes no {fields}"
        return dict(json.loads(content))

    def request(self, method: str, path: str, body: str | None = None) -> bytes | None:
        """Return the content of a successful response; None if there is none."""
        address = urlsplit(self.server)
        connection = HTTPSConnection(
            address.hostname or "", address.port, timeout=SECONDS, context=self.tls
        )
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return content if response.status < 300 else None
