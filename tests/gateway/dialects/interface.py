"""What holds for every dialect: each rule takes an example and fails where it is broken."""

import ast
import base64
import copy
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.dialects.examples import CREDENTIALS, IMAGE, WORDS, Example
from tests.gateway.images.documents import documents
from tintype_catalog.api_options import MaskConvention
from tintype_catalog.sizes import Size
from tintype_gateway.dialects.base import (
    EditingDialect,
    EventReader,
    StreamingDialect,
    require_complete,
)
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.faults import RULES as FAULT_RULES
from tintype_gateway.upstream.passthrough import LOOK_BYTES, opening_of
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, Preview
from tintype_gateway.values.job import Job
from tintype_testing.builders import job, upstream_response
from tintype_testing.upstream_requests import sent_bytes, sent_json

PROMPT = "A hedgehog in a snowstorm"
KINDS = frozenset(get_args(FaultKind)) - {"store"}
IMPURE = frozenset(
    {
        *{"aiohttp", "asyncio", "datetime", "httpx2", "os", "pathlib", "random", "requests"},
        *{"secrets", "socket", "ssl", "subprocess", "sys", "threading", "time", "yarl"},
    }
)
STATUSES = st.integers(201, 599)


def has_every_part(example: Example) -> None:
    require_complete(example.name, example.dialect)


def imports_nothing_impure(example: Example) -> None:
    tree = ast.parse(inspect.getsource(example.dialect))  # type: ignore[arg-type]  # a module
    assert {name.partition(".")[0] for name in _imported(tree)} & IMPURE == set()


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def jobs(example: Example) -> list[Job]:
    """Return jobs of all kinds that the dialect can get."""
    some = [job(prompt=PROMPT), job(prompt=PROMPT, quality="high", seed=7, output_format="png")]
    if isinstance(example.dialect, StreamingDialect):
        some.append(job(prompt=PROMPT, streamed=True, partial_images=2))
    return some


def calls_the_endpoint_with_the_prompt(example: Example) -> None:
    for asked in jobs(example):
        request = example.dialect.translate(asked, example.route, 1, CREDENTIALS)

        assert request.url.startswith("https://proxy.test/some/path/")
        assert PROMPT in sent_bytes(request).decode()
        assert isinstance(sent_json(request), dict)


def is_replaced_by_no_provider_parameter(example: Example) -> None:
    for asked in jobs(example):
        own = _body(example, asked)
        sent = _body(example, replace(asked, extras=_overwritten(own)))

        # Every field of the dialect's own is there, with its own value.
        assert merge(sent, own) == sent


def sends_every_image_and_the_mask(example: Example) -> None:
    dialect = example.dialect
    if not isinstance(dialect, EditingDialect):
        return
    files = [BytesContent(f"the file of image {index}".encode()) for index in range(2)]
    images = [InputImage(content, "png", Size(64, 48)) for content in files]
    takes_mask = dialect.mask_convention(example.task) is not None
    asked = job(
        prompt=PROMPT,
        task=example.task,
        inputs=(images[0],),
        mask=images[1] if takes_mask else None,
        extras={"image": "from the client", "mask": "from the client"},
    )

    request = dialect.translate(asked, example.route, 1, CREDENTIALS)

    sent = sent_bytes(request)
    assert PROMPT.encode() in sent
    for content in files[: 1 + takes_mask]:
        assert content.data in sent or base64.b64encode(content.data) in sent
    for secret in CREDENTIALS.values():
        assert secret.encode() not in sent


def has_a_mask_convention_or_none_for_any_task(example: Example) -> None:
    dialect = example.dialect
    if isinstance(dialect, EditingDialect):
        for task in (None, example.task, "a task of another release"):
            assert dialect.mask_convention(task) in (None, *get_args(MaskConvention))


def _body(example: Example, asked: Job) -> Any:
    request = example.dialect.translate(asked, example.route, 1, CREDENTIALS)
    return sent_json(request)


def _overwritten(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _overwritten(value) for name, value in document.items()}
    return "from the client"


def has_no_credential_in_sight(example: Example) -> None:
    for asked in jobs(example):
        request = example.dialect.translate(asked, example.route, 1, CREDENTIALS)

        for secret in CREDENTIALS.values():
            assert secret not in request.url
            assert secret.encode() not in sent_bytes(request)
        for name in CREDENTIALS.keys() - {"aws-access-key-id"}:
            assert CREDENTIALS[name] not in repr(request)


def lacks_credentials_by_a_fault(example: Example) -> None:
    for asked in jobs(example):
        with pytest.raises(UpstreamFault) as caught:
            example.dialect.translate(asked, example.route, 1, {})

        assert caught.value.kind == "unauthorized"


def gives_the_same_twice(example: Example) -> None:
    for asked in jobs(example):
        asked = replace(asked, extras={"style": {"a": [1]}})
        before = copy.deepcopy(asked)
        requests = [
            example.dialect.translate(asked, example.route, 1, CREDENTIALS) for _ in range(2)
        ]
        assert requests[0] == requests[1]
        assert asked == before
    first, second = (example.dialect.interpret(upstream_response(example.body)) for _ in range(2))
    assert first == second


def finds_the_image(example: Example) -> None:
    result = example.dialect.interpret(upstream_response(example.body))

    assert [bytes(image.base64) for image in result.images] == [IMAGE.encode()]


def passes_the_image_through_from_where_it_begins(example: Example) -> None:
    pattern = example.dialect.FIRST_IMAGE
    if pattern is None:
        return
    opening = opening_of(example.body[:LOOK_BYTES], pattern)

    assert opening is not None
    assert opening.start == example.body.index(IMAGE.encode())
    placeholder = "0" * 4096  # as long as a string must be to come as a view
    result = example.dialect.interpret(
        upstream_response(example.body.replace(IMAGE.encode(), placeholder.encode()))
    )
    assert bytes(result.images[0].base64) == placeholder.encode()


def reads_anything_or_raises_a_fault(example: Example) -> None:
    @given(st.binary() | documents() | _changed(example.made))
    @settings(max_examples=60, deadline=None)
    def check(body: bytes) -> None:
        with suppress(UpstreamFault):
            assert isinstance(example.dialect.interpret(upstream_response(body)), CallResult)

    check()


def knows_every_error(example: Example) -> None:
    @given(st.binary() | documents() | _changed(example.error), STATUSES)
    @settings(max_examples=60, deadline=None)
    def check(body: bytes, status: int) -> None:
        fault = example.dialect.read_error(upstream_response(body, status))
        assert fault.kind in KINDS
        assert fault.message

    check()


def repeats_no_call_that_may_have_cost(example: Example) -> None:
    """What stands before the provider says nothing of what the provider did."""
    for status in (500, 502, 503, 504, 520):
        fault = example.dialect.read_error(upstream_response(b"<html>Sorry</html>", status))
        assert FAULT_RULES[fault.kind].retry == "never"


def sorts_errors_by_their_status(example: Example) -> None:
    for status, kind in {401: "unauthorized", 429: "throttled", 404: "misconfigured"}.items():
        fault = example.dialect.read_error(upstream_response(b"{}", status, retry_after="7"))
        assert fault.kind == kind
        assert fault.retry_after_seconds == 7


def quotes_no_words_on_our_account(example: Example) -> None:
    for status in range(300, 600):
        fault = example.dialect.read_error(upstream_response(dict(example.error), status))
        if fault.kind not in ("refused", "invalid"):
            assert WORDS not in fault.message
            assert fault.param is None
        assert fault.cause == WORDS


def reads_any_event_or_raises_a_fault_that_is_not_repeated(example: Example) -> None:
    dialect = example.dialect
    if not isinstance(dialect, StreamingDialect):
        return
    events = st.binary() | documents() | _changed(example.made) | _changed(example.error)

    @given(st.lists(events, max_size=4))
    @settings(max_examples=60, deadline=None)
    def check(bodies: list[bytes]) -> None:
        assert isinstance(dialect, StreamingDialect)
        items = [*_events(dialect.event_reader(), bodies)]
        assert all(isinstance(each, Preview | CallResult | UpstreamFault) for each in items)
        faults = [each for each in items if isinstance(each, UpstreamFault)]
        assert all(FAULT_RULES[fault.kind].retry == "never" for fault in faults)

    check()


def _events(reader: EventReader, bodies: list[bytes]) -> Iterator[object]:
    """Yield what a reader tells of these events, and of the end or the fault that comes after."""
    try:
        for body in bodies:
            yield from reader.read(body)
        yield reader.end()
    except UpstreamFault as fault:
        yield fault


def reads_each_stream_by_itself(example: Example) -> None:
    if isinstance(example.dialect, StreamingDialect):
        assert example.dialect.event_reader() is not example.dialect.event_reader()
        assert isinstance(example.dialect.streams(example.route.binding), bool)


@st.composite
def _changed(draw: st.DrawFn, document: Any) -> bytes:
    """Draw a document with another value in one place, and a short image."""
    document = json.loads(json.dumps(document).replace(IMAGE, IMAGE[:64]))
    path = draw(st.sampled_from([*_paths(document)]))
    return json.dumps(_with(document, path, draw(json_values | st.text()))).encode()


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(document, dict | list):
        inner = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in inner:
            yield from _paths(value, (*path, key))


def _with(document: Any, path: Sequence[Any], value: object) -> Any:
    if not path:
        return value
    changed = copy.copy(document)
    changed[path[0]] = _with(document[path[0]], path[1:], value)
    return changed


INTERFACE: tuple[Callable[[Example], None], ...] = (
    has_every_part,
    imports_nothing_impure,
    calls_the_endpoint_with_the_prompt,
    is_replaced_by_no_provider_parameter,
    sends_every_image_and_the_mask,
    has_a_mask_convention_or_none_for_any_task,
    has_no_credential_in_sight,
    lacks_credentials_by_a_fault,
    gives_the_same_twice,
    finds_the_image,
    passes_the_image_through_from_where_it_begins,
    reads_anything_or_raises_a_fault,
    knows_every_error,
    repeats_no_call_that_may_have_cost,
    sorts_errors_by_their_status,
    quotes_no_words_on_our_account,
    reads_any_event_or_raises_a_fault_that_is_not_repeated,
    reads_each_stream_by_itself,
)
"""The whole interface: docs/adding-a-dialect.md says the same in words."""
