"""Requests of an administrator to an API server.

They take a small part of the time of kubectl, and tests that wait for something ask many times.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

SECONDS = 60
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

    def may(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        """Return whether a user may do something in a namespace, as `kubectl auth can-i` asks.

        `resource` is a plural such as `imagemodels.tintype.dev`, `secrets/openai` for one object
        by its name, or `accounts.tintype.dev:status` for a subresource.
        """
        whole, _, name = resource.partition("/")
        kind, _, subresource = whole.partition(":")
        plural, _, group = kind.partition(".")
        asked = {
            "namespace": namespace,
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
            "name": name,
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        body = json.dumps({"spec": {"resourceAttributes": asked}})
        content = self.request("POST", path, body, {"Impersonate-User": user})
        assert content is not None, f"{path} takes no {asked}"
        return bool(json.loads(content)["status"]["allowed"])

    def request(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes | None:
        """Return the content of a successful response; None if there is none."""
        address = urlsplit(self.server)
        connection = HTTPSConnection(
            address.hostname or "", address.port, timeout=SECONDS, context=self.tls
        )
        try:
            sent = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return content if response.status < 300 else None
