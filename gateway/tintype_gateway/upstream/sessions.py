"""The HTTP sessions of calls to providers: one for each set of addresses, TLS files and proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver

from tintype_catalog.addresses import Egress
from tintype_catalog.catalog import Binding
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.upstream.egress import guarded_sockets
from tintype_gateway.upstream.tls import SYSTEM, TlsFiles, TlsMaterial, material_of, tls_files_of
from tintype_gateway.values.faults import UpstreamFault

READ_BUFFER_BYTES = 1024 * 1024
"""The read buffer of a provider's response: large, so that megabytes need few wake-ups."""

MAX_SESSIONS = 64
"""How many sessions are kept. Beyond it the one whose last call is the oldest is closed."""


class _Key(NamedTuple):
    """What calls have in common that share a session."""

    egress: Egress
    proxy: str | None
    names: tuple[str, ...]
    """The names of the TLS files."""


@dataclass(eq=False)
class _Entry:
    session: aiohttp.ClientSession
    material: TlsMaterial
    calls: int = 0
    is_replaced: bool = False
    """Whether no further call may begin."""


class _Call:
    """One call. Its session stays open until its end, even if it is replaced meanwhile."""

    def __init__(self, find: Callable[[], Awaitable[_Entry]]) -> None:
        self._find = find

    async def __aenter__(self) -> aiohttp.ClientSession:
        self._entry = await self._find()
        self._entry.calls += 1
        return self._entry.session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entry.calls -= 1
        if self._entry.is_replaced and not self._entry.calls:
            await self._entry.session.close()


class Sessions:
    """The HTTP sessions of calls to providers, each opened by its first call.

    A session is replaced when the content of its TLS files changes, and is closed when its last
    call has ended.
    """

    def __init__(self, policy: EgressPolicy, tls: TlsFiles) -> None:
        self._policy = policy
        self._tls = tls
        self._entries: dict[_Key, _Entry] = {}
        """The sessions; the one that was used last is the last one."""

        self._opening = asyncio.Lock()

    def to(self, binding: Binding) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """Return the session for the call to a binding that the block makes.

        Raises:
            UpstreamFault: The release does not allow the server, or the TLS files cannot be used.
        """
        return _Call(partial(self._entry, binding))

    async def close(self) -> None:
        """Close all sessions."""
        for entry in self._entries.values():
            await entry.session.close()

    async def _entry(self, binding: Binding) -> _Entry:
        if binding.proxy is not None and (why := self._policy.proxied_refusal(binding)):
            raise UpstreamFault("misconfigured", "its endpoint is not allowed", cause=why)
        key = self._key(binding)
        material = material_of(binding, self._tls.files)
        entry = self._entries.get(key)
        if entry is None or entry.material != material:
            async with self._opening:
                entry = self._entries.get(key)
                if entry is None or entry.material != material:
                    entry = await self._open(key, material)
        self._entries[key] = self._entries.pop(key, entry)
        return entry

    def _key(self, binding: Binding) -> _Key:
        names = tls_files_of(binding)
        if binding.proxy is not None:
            return _Key(self._policy.to_proxy(binding.proxy), binding.proxy, names)
        return _Key(self._policy.to_provider(binding), None, names)

    async def _open(self, key: _Key, material: TlsMaterial) -> _Entry:
        try:
            context = None
            if material != SYSTEM:
                context = await asyncio.to_thread(material.context)
        except ValueError as error:
            fault = "its TLS files cannot be used"
            raise UpstreamFault("misconfigured", fault, cause=str(error)) from error
        entry = _Entry(open_session(key.egress, tls=context, proxy=key.proxy), material)
        replaced, self._entries[key] = self._entries.get(key), entry
        if replaced is not None:
            await _retire(replaced)
        elif len(self._entries) > MAX_SESSIONS:
            await _retire(self._entries.pop(next(iter(self._entries))))
        return entry


async def _retire(entry: _Entry) -> None:
    """Close a session after its last call."""
    entry.is_replaced = True
    if not entry.calls:
        await entry.session.close()


@asynccontextmanager
async def open_sessions(policy: EgressPolicy, tls: TlsFiles) -> AsyncIterator[Sessions]:
    """Yield the sessions of one process, and close them at the end."""
    sessions = Sessions(policy, tls)
    try:
        yield sessions
    finally:
        await sessions.close()


def open_session(
    egress: Egress | None,
    resolver: AbstractResolver | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
) -> aiohttp.ClientSession:
    """Return a session limited to some addresses, which are those of the proxy, if there is one.

    It keeps connections and does not decompress bodies. An egress of None is for URLs in the
    gateway's own settings, which may use any address.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=75,
        ttl_dns_cache=60,
        resolver=resolver,
        ssl=tls or True,
        socket_factory=None if egress is None else guarded_sockets(egress),
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers={"Accept-Encoding": "identity", "User-Agent": "tintype"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
        proxy=proxy,
    )
