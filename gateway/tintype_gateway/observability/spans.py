"""OpenTelemetry traces, which the standard `OTEL_*` environment variables turn on.

Only `observability.tracing` imports OpenTelemetry, and only while traces are on: otherwise a stage
costs one comparison. Spans never contain error messages, because these may quote a prompt.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast
from urllib.parse import unquote

from tintype_catalog.costs import TokenUsage
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

if TYPE_CHECKING:
    from tintype_gateway.observability.tracing import Tracing

Given = ParamSpec("Given")
Result = TypeVar("Result")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")

_ENDPOINT = re.compile(r"(https?://([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?(/[^\s@?#]*)?)?", re.ASCII)
_HEADER_NAME = re.compile(r"[\w.!#$%&'*+^`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")

_NOTHING = nullcontext()

_tracing: "Tracing | None" = None
"""Creates spans; None while traces are off."""


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the environment turns traces on.

    Raises:
        ValueError: The exporter or the protocol is not supported, or the endpoint or the headers
            are malformed. The message quotes neither of these two.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "")
    if exporter not in ("", "none", "otlp"):
        raise ValueError(f"OTEL_TRACES_EXPORTER: there is no {exporter!r}, only otlp and none")
    if exporter == "none" or not (exporter or any(environ.get(name) for name in ENDPOINTS)):
        return False
    for name in PROTOCOLS:
        if environ.get(name, "") not in ("", "http/protobuf"):
            raise ValueError(f"{name}: there is no {environ[name]!r}, only http/protobuf")
    for name in ENDPOINTS:
        if _ENDPOINT.fullmatch(environ.get(name, "")) is None:
            raise ValueError(f"{name}: must be http(s)://HOST:PORT/PATH, without user or password")
    for name in HEADERS:
        if not all(map(_is_header, environ.get(name, "").split(","))):
            raise ValueError(f"{name}: must be NAME=VALUE,..., with values that are URL-encoded")
    return True


def _is_header(text: str) -> bool:
    """Return whether OpenTelemetry accepts a header. It would quote a rejected one in its log."""
    name, separator, value = text.strip(" \t").partition("=")
    return text.strip(" \t") == "" or bool(
        separator
        and _HEADER_NAME.fullmatch(unquote(name).strip())
        and _HEADER_VALUE.fullmatch(unquote(value))
    )


@contextmanager
def tracing(environ: Mapping[str, str]) -> Iterator[None]:
    """Trace the requests that the block serves, if the environment turns traces on.

    Leaving the block exports the remaining spans, which takes seconds if the collector is down.

    Raises:
        ValueError: The exporter or the protocol is not supported, or the endpoint or the headers
            are malformed. The message quotes neither of these two.
    """
    global _tracing
    if not is_wanted(environ):
        yield
        return
    from tintype_gateway.observability.tracing import Tracing

    _tracing = Tracing(environ)
    try:
        yield
    finally:
        ended, _tracing = _tracing, None
        ended.close()


def stage(name: str) -> AbstractContextManager[object]:
    """Run the block in a span."""
    return _NOTHING if _tracing is None else _tracing.stage(name)


def traced(name: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Run every call of a function or coroutine function in the span of a stage."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        spanned = _spanned(name, function)

        @wraps(function)
        def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            return (function if _tracing is None else spanned)(*args, **kwargs)

        return called

    return decorate


def _spanned(name: str, function: Callable[Given, Result]) -> Callable[Given, Result]:
    async def awaited(*args: Given.args, **kwargs: Given.kwargs) -> object:
        with stage(name):
            return await cast(Callable[Given, Awaitable[object]], function)(*args, **kwargs)

    def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with stage(name):
            return function(*args, **kwargs)

    is_coroutine = inspect.iscoroutinefunction(function)
    return cast(Callable[Given, Result], awaited) if is_coroutine else called


def serving(headers: Mapping[str, str]) -> AbstractContextManager[object]:
    """Run the block in the span of a request, which continues the trace of its `traceparent`."""
    return _NOTHING if _tracing is None else _tracing.serving(headers)


def working(
    operation: str, job_id: str, trace_parent: str | None
) -> AbstractContextManager[object]:
    """Run the block in the span of a job, in a trace of its own.

    It has a link to the span of the submission, whose `traceparent` this is.
    """
    return _NOTHING if _tracing is None else _tracing.working(operation, job_id, trace_parent)


def trace_parent() -> str | None:
    """Return the `traceparent` of the current span, if there is one."""
    return propagated({}).get("traceparent")


def served(method: str, route: str, status: int, request_id: str) -> None:
    """Set the outcome of a request on its span."""
    if _tracing is not None:
        _tracing.served(method, route, status, request_id)


def calling(plan: Plan, route: Route, asked: int) -> AbstractContextManager[object]:
    """Run the block in the span of a call over a route for a number of images."""
    return _NOTHING if _tracing is None else _tracing.calling(plan, route, asked)


def queued(position: int) -> None:
    """Set the position that a call found in a queue on the span of its wait."""
    if _tracing is not None:
        _tracing.queued(position)


def used(usage: TokenUsage) -> None:
    """Set the token usage of a call on its span."""
    if _tracing is not None:
        _tracing.used(usage)


def failed(attributes: Mapping[str, str | int]) -> None:
    """Set the fault of a call on its span."""
    if _tracing is not None:
        _tracing.failed(attributes)


def propagated(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers of a call with the `traceparent` of the current span."""
    return headers if _tracing is None else _tracing.propagated(headers)


def trace_id() -> str | None:
    """Return the trace of the current request, if it is recorded."""
    return None if _tracing is None else _tracing.trace_id()


def exemplar() -> dict[str, str] | None:
    """Return the exemplar that links an observation to its trace, or None."""
    found = trace_id()
    return None if found is None else {"trace_id": found}
