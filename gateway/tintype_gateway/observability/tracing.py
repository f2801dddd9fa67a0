"""Spans by OpenTelemetry's SDK, sent over OTLP by a thread of its own.

Attributes follow the semantic conventions for HTTP and for generative AI. The trace context is
W3C's in both directions. Baggage is not propagated, because providers must not see a client's
baggage.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from tintype_catalog.__about__ import __version__
from tintype_catalog.costs import TokenUsage
from tintype_catalog.providers import telemetry_name
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

SERVICE = "tintype-gateway"
"""The default service name."""

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CAPTURING = frozenset({"true", "span_only", "span_and_event"})
"""The value of the variable that turns on prompts in spans."""

FIRST_SERVER_ERROR = 500


class Tracing:
    """Creates the spans of one process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start the export to the endpoint of the environment."""
        self._provider = TracerProvider(resource=_resource(environ), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tintype_gateway", __version__)
        self._context = TraceContextTextMapPropagator()
        self._with_prompts = environ.get(CAPTURE, "").lower() in CAPTURING

    def close(self) -> None:
        """Export the remaining spans, and stop."""
        self._provider.shutdown()

    def stage(self, name: str) -> AbstractContextManager[Span]:
        """Return the span of a stage."""
        return self._span(name, SpanKind.INTERNAL, {"tintype.stage": name})

    def serving(self, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Return the span of a request with these headers."""
        lower = {name.lower(): value for name, value in headers.items() if value.isascii()}
        return self._tracer.start_as_current_span(
            "request",
            context=self._context.extract(lower),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        )

    def working(
        self, operation: str, job_id: str, trace_parent: str | None
    ) -> AbstractContextManager[Span]:
        """Return the span of a job, which links to the span of its submission."""
        submission = self._context.extract({"traceparent": trace_parent} if trace_parent else {})
        context = get_current_span(submission).get_span_context()
        return self._span(
            f"job {operation}",
            SpanKind.CONSUMER,
            {"tintype.job": job_id},
            [Link(context)] if context.is_valid else [],
        )

    def served(self, method: str, route: str, status: int, request_id: str) -> None:
        """Set the outcome of a request on the current span."""
        span = get_current_span()
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "tintype.request_id": request_id,
            }
        )
        if status >= FIRST_SERVER_ERROR:
            span.set_attribute("error.type", str(status))
            span.set_status(StatusCode.ERROR)

    def calling(self, plan: Plan, route: Route, asked: int) -> AbstractContextManager[Span]:
        """Return the span of a call over a route for a number of the images of a plan."""
        name = f"{plan.operation.name} {route.binding.upstream_model}"
        return self._span(name, SpanKind.CLIENT, self._call_attributes(plan, route, asked))

    def queued(self, position: int) -> None:
        """Set the position that a call found in a queue on the current span."""
        get_current_span().set_attribute("tintype.queue_position", position)

    def used(self, usage: TokenUsage) -> None:
        """Set the token usage of a call on the current span."""
        get_current_span().set_attributes(
            {
                "gen_ai.usage.input_tokens": usage.text_input + usage.image_input,
                "gen_ai.usage.output_tokens": usage.image_output + usage.text_output,
            }
        )

    def failed(self, attributes: Mapping[str, str | int]) -> None:
        """Set the fault of a call on the current span."""
        names = {"upstream_status": "http.response.status_code"}
        get_current_span().set_attributes(
            {names.get(name, f"tintype.{name}"): value for name, value in attributes.items()}
        )

    def propagated(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers with those of the current trace context."""
        carrier = dict(headers)
        self._context.inject(carrier)
        return carrier

    def trace_id(self) -> str | None:
        """Return the ids of the current trace in hexadecimal, if it is recorded."""
        context = get_current_span().get_span_context()
        recorded = context.is_valid and context.trace_flags.sampled
        return format(context.trace_id, "032x") if recorded else None

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """Open a span that records the kind of an error, and never its message."""
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", _error_type(error))
                span.set_status(StatusCode.ERROR)
                raise

    def _call_attributes(self, plan: Plan, route: Route, asked: int) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            "tintype.stage": "call",
            "tintype.model": plan.model.id,
            "tintype.route": str(route),
            "gen_ai.operation.name": plan.operation.name,
            "gen_ai.output.type": "image",
            "gen_ai.provider.name": telemetry_name(route.binding.dialect),
            "gen_ai.request.model": route.binding.upstream_model,
            "gen_ai.request.choice.count": asked,
        }
        if host := urlsplit(route.binding.endpoint or "").hostname:
            attributes["server.address"] = host
        if self._with_prompts:
            attributes["gen_ai.input.messages"] = _messages(plan.job.prompt)
        return attributes


def _error_type(error: BaseException) -> str:
    """Return the code or the fault kind of an error, as in responses and metrics."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return getattr(error, "kind", None) or getattr(error, "code", None) or type(error).__name__


def _messages(prompt: str) -> str:
    """Return a prompt in the format of the semantic conventions."""
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt}]}])


def _resource(environ: Mapping[str, str]) -> Resource:
    """Return the resource attributes of this process; the environment takes precedence."""
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in given
    own = {"service.version": __version__}
    return Resource.create(own if named else own | {"service.name": SERVICE})
