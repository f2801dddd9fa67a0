"""A collector of traces: a real OTLP receiver over HTTP."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

CLIENT, SERVER, CONSUMER = 3, 2, 5
"""The kinds of spans, as the protocol numbers them."""

ERROR = 2
"""The status of a span that failed."""


@dataclass(frozen=True)
class Span:
    """A span as it arrived."""

    name: str
    trace: str
    own: str
    parent: str
    kind: int
    status: int
    attributes: dict[str, Any]
    events: int
    links: tuple[tuple[str, str], ...] = ()
    """Trace and span of each link."""


@dataclass
class Collector:
    """What has arrived so far."""

    url: str
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""

    def named(self, name: str) -> Span:
        """Return the only span of this name."""
        (found,) = self.all_named(name)
        return found

    def all_named(self, name: str) -> list[Span]:
        """Return all spans of this name, in the order of their ends."""
        return [span for span in self.spans if span.name == name]

    def has(self, name: str) -> bool:
        return any(span.name == name for span in self.spans)

    def forget(self) -> None:
        """Drop what has arrived."""
        self.spans.clear()
        self.raw = b""

    async def take(self, request: web.Request) -> web.Response:
        """Receive a batch."""
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.raw += body
        batch = ExportTraceServiceRequest.FromString(body)
        for part in batch.resource_spans:
            self.resource = _attributes(part.resource.attributes)
            for scope in part.scope_spans:
                self.spans += [_span(span) for span in scope.spans]
        response = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=response, content_type="application/x-protobuf")


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector("")
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()


def _span(span: Any) -> Span:
    return Span(
        name=span.name,
        trace=span.trace_id.hex(),
        own=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        status=span.status.code,
        attributes=_attributes(span.attributes),
        events=len(span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    value: AnyValue = pair.value
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
