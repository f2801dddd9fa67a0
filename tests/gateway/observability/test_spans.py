"""When the environment asks for traces, and what a stage is while it does not."""

import subprocess
import sys

import pytest

from tintype_gateway.observability import spans

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, True),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_the_standard_environment_decides(environ: dict[str, str], wanted: bool) -> None:
    assert spans.is_wanted(environ) is wanted


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
    ],
)
def test_an_unsupported_exporter_is_refused_by_name(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="OTEL_"):
        spans.is_wanted(environ)


async def test_a_traced_function_does_what_it_did() -> None:
    @spans.traced("add")
    def add(one: int, other: int) -> int:
        """Add."""
        return one + other

    @spans.traced("wait")
    async def wait(result: int) -> int:
        return result

    assert (add(1, other=2), await wait(5)) == (3, 5)
    assert (add.__name__, add.__doc__) == ("add", "Add.")


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "baggage"])
def test_a_trace_header_that_is_no_text_is_left_out(name: str) -> None:
    parent = {"traceparent": f"00-{'0a' * 16}-{'0b' * 8}-01", "tracestate": "a=1"}
    with spans.tracing(ENDPOINT), spans.serving(parent | {name: "a=\udc93"}):
        sent = spans.propagated({})

    assert "".join(sent.values()).isascii()
    assert sent["traceparent"]


def test_without_traces_nothing_is_made() -> None:
    headers = {"a": "b"}

    assert spans.stage("hold") is spans.stage("settle")
    assert spans.propagated(headers) is headers
    assert spans.exemplar() is None


def test_nothing_of_opentelemetry_is_imported_while_traces_are_off() -> None:
    packages = ("opentelemetry", "google.protobuf", "requests")
    program = f"import sys, tintype_gateway.server; print({{*{packages}}} & {{*sys.modules}})"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert ended.stdout.strip() == "set()", ended.stderr
