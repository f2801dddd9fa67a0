"""What the tests of the admin API share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tintype_testing.admin import Client, bearer


class Response(NamedTuple):
    """What a client gets."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.body["error"]["code"])


class Admin:
    """A caller of the admin API with one role."""

    def __init__(self, client: Client, role: str = "admin") -> None:
        self._client = client
        self._role = role

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        sent = {**bearer(self._role), **(headers or {})}
        async with self._client.request(method, path, json=body, headers=sent) as response:
            return Response(response.status, await response.json(content_type=None))
