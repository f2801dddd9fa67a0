"""The calls of the Kubernetes API that Tintype needs."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.errors import ApiError, UnreachableError, api_error
from tintype_kubernetes.resources import Resource
from tintype_kubernetes.watching import WatchEvent, parse_event, split_lines

KubernetesObject = dict[str, Any]

PAGE_SIZE = 100
"""Objects in one page of a list. It is a fifth of kubectl's default, because a page determines the
peak of the memory: its text and its parsed objects are in memory at once."""

MAX_CONNECTIONS = 16
"""Connections to the API server; each takes 256 KiB for TLS. Further calls wait for one."""

CALL_SECONDS = 30.0
"""Deadline of one call, from connecting to the last byte of the response."""

WATCH_SECONDS = 290
"""How long the server keeps a watch open. The limit exposes dead connections."""

MAX_ATTEMPTS = 5
"""Attempts of a call to an overloaded server, including the first."""

MAX_RETRY_AFTER_SECONDS = 10.0
"""The longest pause between two attempts, even if `Retry-After` is greater."""

_OVERLOADED = frozenset({429, 503})


@dataclass(frozen=True)
class ObjectList:
    """The complete result of a list, as of one resourceVersion."""

    items: tuple[KubernetesObject, ...]
    resource_version: str
    """The version from which a watch continues."""


@dataclass(frozen=True)
class ServerVersion:
    """What an API server says of itself."""

    version: str
    """Such as `v1.31.2`."""

    date: str | None
    """The header `Date` of the response: its clock."""


@dataclass(frozen=True)
class _Call:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: KubernetesObject | None = None
    content_type: str = "application/json"


class KubernetesClient:
    """Calls one API server. Every method raises `ApiError` or `UnreachableError`."""

    def __init__(self, config: ClusterConfig, session: aiohttp.ClientSession) -> None:
        """Use `connect` instead, which also opens and closes the session."""
        self._config = config
        self._session = session

    async def version(self) -> ServerVersion:
        """Return the version and the clock of the server."""
        async with self._response(_Call("GET", "/version"), CALL_SECONDS) as response:
            version = str(json.loads(await response.read()).get("gitVersion", ""))
            return ServerVersion(version, response.headers.get("Date"))

    async def get(self, resource: Resource, namespace: str, name: str) -> KubernetesObject:
        """Return one object.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._with_retries(_Call("GET", resource.path(namespace, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        field_selector: str = "",
        label_selector: str = "",
        transform: Callable[[KubernetesObject], KubernetesObject] | None = None,
    ) -> ObjectList:
        """Return all objects of a namespace, or of the cluster: never an incomplete list.

        `transform` is applied to each object of a page, so that all complete objects are never in
        memory at once.
        """
        items: list[KubernetesObject] = []
        query = _selecting({"limit": str(PAGE_SIZE)}, field_selector, label_selector)
        while True:
            page = await self._with_retries(_Call("GET", resource.path(namespace), query))
            items += map(transform, page["items"]) if transform else page["items"]
            if not (token := page["metadata"].get("continue")):
                return ObjectList(tuple(items), page["metadata"]["resourceVersion"])
            query = query | {"continue": token}

    async def watch(
        self,
        resource: Resource,
        namespace: str,
        resource_version: str,
        *,
        field_selector: str = "",
        seconds: int = WATCH_SECONDS,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield changes since a resourceVersion, until the server ends the stream.

        Bookmarks are included, so that a later watch can continue from the last event's
        `resource_version`. A caller that stops earlier must close the generator, for example with
        `contextlib.aclosing`.

        Raises:
            WatchExpiredError: The server no longer has the changes since then; list again.
            UnreachableError: The stream was aborted.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        call = _Call("GET", resource.path(namespace), _selecting(query, field_selector))
        async with self._response(call, seconds + CALL_SECONDS) as response:
            try:
                async for line in split_lines(response.content.iter_any()):
                    yield parse_event(line)
            finally:
                _abort(response)

    async def apply(
        self,
        resource: Resource,
        body: KubernetesObject,
        *,
        field_manager: str,
        subresource: Literal["", "status"] = "",
    ) -> KubernetesObject:
        """Create an object or update the fields in `body`, by server-side apply.

        It takes the ownership of fields from other managers. Applying equal fields does not change
        the resourceVersion.
        """
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        query = {"fieldManager": field_manager, "force": "true"}
        call = _Call("PATCH", path, query, body, "application/apply-patch+yaml")
        return await self._with_retries(call)

    async def create(self, resource: Resource, body: KubernetesObject) -> KubernetesObject:
        """Create an object, without retries, because a retry could create a second object.

        Raises:
            ConflictError: It exists already.
        """
        path = resource.path(body.get("metadata", {}).get("namespace", ""))
        return await self._once(_Call("POST", path, body=body))

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object.

        Raises:
            NotFoundError: It does not exist.
        """
        await self._with_retries(_Call("DELETE", resource.path(namespace, name)))

    async def _with_retries(self, call: _Call) -> KubernetesObject:
        """Send an idempotent call, and retry it if the server responds with `Retry-After`."""
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await self._once(call)
            except ApiError as error:
                if error.status not in _OVERLOADED or error.retry_after is None:
                    raise
                await asyncio.sleep(min(error.retry_after, MAX_RETRY_AFTER_SECONDS))
        return await self._once(call)

    async def _once(self, call: _Call) -> KubernetesObject:
        async with self._response(call, CALL_SECONDS) as response:
            parsed: KubernetesObject = json.loads(await response.read())
            return parsed

    @asynccontextmanager
    async def _response(
        self, call: _Call, deadline: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give a successful response; errors while its body is read are translated as well."""
        try:
            async with self._session.request(
                call.method,
                self._config.server + call.path,
                params=call.query,
                data=None if call.body is None else json.dumps(call.body),
                headers=self._headers(call),
                timeout=aiohttp.ClientTimeout(total=deadline, sock_connect=CALL_SECONDS),
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise await _error_of(response)
                yield response
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
            cause = str(error) or type(error).__name__
            url = self._config.server + call.path
            raise UnreachableError(f"{call.method} {url}: {cause}") from error

    def _headers(self, call: _Call) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": call.content_type}
        if token := self._config.bearer_token():
            headers["Authorization"] = f"Bearer {token}"
        return headers


@asynccontextmanager
async def connect(config: ClusterConfig) -> AsyncIterator[KubernetesClient]:
    """Give a client whose connections are closed at the end of the block."""
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=MAX_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield KubernetesClient(config, session)


def _selecting(
    query: dict[str, str], field_selector: str, label_selector: str = ""
) -> dict[str, str]:
    selectors = {"fieldSelector": field_selector, "labelSelector": label_selector}
    return query | {name: selector for name, selector in selectors.items() if selector}


def _abort(response: aiohttp.ClientResponse) -> None:
    """Abort the connection of a response that was not read to its end, without a TLS shutdown.

    A TLS shutdown takes a round trip, which the session does not await when it is closed.
    """
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()


async def _error_of(response: aiohttp.ClientResponse) -> ApiError:
    """Return the error of a response, whose body is a `Status` object or the page of a proxy."""
    text = await response.text(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"reason": response.reason, "message": text[:200]}
    return api_error(
        status | {"code": response.status}, _seconds(response.headers.get("Retry-After"))
    )


def _seconds(header: str | None) -> float | None:
    """Return `Retry-After` in seconds; Kubernetes never sends a date."""
    return float(header) if header and header.isdecimal() else None
