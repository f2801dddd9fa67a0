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

PAGE_SIZE = 250
"""Objects in one page of a list: half of kubectl's default, as a page is the peak of our memory."""

MAX_CONNECTIONS = 16
"""Connections to the API server; each costs 256 KiB for TLS, and more calls wait for one."""

CALL_SECONDS = 30.0
"""Deadline of one call, from connecting to the last byte of the answer."""

WATCH_SECONDS = 290
"""How long the server keeps a watch open, so that a dead connection is noticed in the end."""

MAX_ATTEMPTS = 5
"""Tries of a call that the server asks to repeat later, the first one included."""

MAX_RETRY_AFTER_SECONDS = 10.0
"""The longest wait between two tries, whatever the server asks for."""

_OVERLOADED = frozenset({429, 503})


@dataclass(frozen=True)
class ObjectList:
    """All objects of a list, as they were at one moment."""

    items: tuple[KubernetesObject, ...]
    resource_version: str
    """Where a watch for later changes begins."""


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

    async def get(self, resource: Resource, namespace: str, name: str) -> KubernetesObject:
        """One object.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._patiently(_Call("GET", resource.path(namespace, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        field_selector: str = "",
        label_selector: str = "",
        transform: Callable[[KubernetesObject], KubernetesObject] | None = None,
    ) -> ObjectList:
        """All objects of a namespace, or of the cluster: the complete list or an error.

        Of each object what `transform` makes of it is kept: the whole never is in memory at once.
        """
        items: list[KubernetesObject] = []
        query = _selecting({"limit": str(PAGE_SIZE)}, field_selector, label_selector)
        while True:
            page = await self._patiently(_Call("GET", resource.path(namespace), query))
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
        """Changes since a resourceVersion, until the server ends the stream in good order.

        Bookmarks are among them, so that the last event's `resource_version` always serves to
        go on from. Who leaves before the end closes it, by `contextlib.aclosing`.

        Raises:
            WatchExpiredError: Changes since then were forgotten; list anew.
            UnreachableError: The stream was cut.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        call = _Call("GET", resource.path(namespace), _selecting(query, field_selector))
        async with self._answer(call, seconds + CALL_SECONDS) as answer:
            try:
                async for line in split_lines(answer.content.iter_any()):
                    yield parse_event(line)
            finally:
                _cut(answer)

    async def apply(
        self,
        resource: Resource,
        body: KubernetesObject,
        *,
        field_manager: str,
        subresource: Literal["", "status"] = "",
    ) -> KubernetesObject:
        """Server-side apply: create the object or own the fields named in `body`.

        Fields that another manager owns are taken over. Applying what is there already leaves
        the resourceVersion alone.
        """
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        query = {"fieldManager": field_manager, "force": "true"}
        call = _Call("PATCH", path, query, body, "application/apply-patch+yaml")
        return await self._patiently(call)

    async def create(self, resource: Resource, body: KubernetesObject) -> KubernetesObject:
        """Create an object; tried once, because a second try could make a second object.

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
        await self._patiently(_Call("DELETE", resource.path(namespace, name)))

    async def _patiently(self, call: _Call) -> KubernetesObject:
        """A call that may be repeated, and is when an overloaded server says when."""
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await self._once(call)
            except ApiError as error:
                if error.status not in _OVERLOADED or error.retry_after is None:
                    raise
                await asyncio.sleep(min(error.retry_after, MAX_RETRY_AFTER_SECONDS))
        return await self._once(call)

    async def _once(self, call: _Call) -> KubernetesObject:
        async with self._answer(call, CALL_SECONDS) as answer:
            parsed: KubernetesObject = json.loads(await answer.read())
            return parsed

    @asynccontextmanager
    async def _answer(self, call: _Call, deadline: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """The head of a successful answer; faults while its body is read are translated too."""
        try:
            async with self._session.request(
                call.method,
                self._config.server + call.path,
                params=call.query,
                data=None if call.body is None else json.dumps(call.body),
                headers=self._headers(call),
                timeout=aiohttp.ClientTimeout(total=deadline, sock_connect=CALL_SECONDS),
                allow_redirects=False,
            ) as answer:
                if answer.status >= 300:
                    raise await _refusal(answer)
                yield answer
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
    """A client whose connections are closed at the end of the block."""
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=MAX_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield KubernetesClient(config, session)


def _selecting(
    query: dict[str, str], field_selector: str, label_selector: str = ""
) -> dict[str, str]:
    selectors = {"fieldSelector": field_selector, "labelSelector": label_selector}
    return query | {name: selector for name, selector in selectors.items() if selector}


def _cut(answer: aiohttp.ClientResponse) -> None:
    """End the connection of an answer that was not read to its end, without a goodbye in TLS.

    The goodbye takes a round trip that the session does not wait for when it is closed.
    """
    if answer.connection is not None and answer.connection.transport is not None:
        answer.connection.transport.abort()


async def _refusal(answer: aiohttp.ClientResponse) -> ApiError:
    """The error of an answer, whether its body is a `Status` object or a proxy's page."""
    text = await answer.text(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"reason": answer.reason, "message": text[:200]}
    return api_error(status | {"code": answer.status}, _seconds(answer.headers.get("Retry-After")))


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; Kubernetes never sends its other form, a date."""
    return float(header) if header and header.isdecimal() else None
