"""Hostile input costs the event loop no more than its size allows.

CPU time of this thread is compared with that of a loop in Python, so that slow and busy machines
do not matter: on a usual one that loop takes a millisecond. As the pace of a machine changes while
others use it, what seems too dear is measured again, and the loop with it.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.catalog.snapshot import Vocabulary
from tintype_gateway.dialects.base import NextImage
from tintype_gateway.dialects.common import plain_base64, retry_after
from tintype_gateway.dialects.google.standard_base64 import standard_base64
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.errors import GatewayError
from tintype_gateway.http.preferences import preferences
from tintype_gateway.images.container import Scanner
from tintype_gateway.images.inspection import inspect_quickly
from tintype_gateway.images.lazy_json import loads
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.upstream.exchange import MAX_ERROR_BYTES
from tintype_gateway.upstream.passthrough import LOOK_BYTES, next_opening, opening_of
from tintype_gateway.upstream.sse import EndlessEventError, EventParser
from tintype_gateway.values.content import JsonBody
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import UpstreamResponse
from tintype_testing.sample_images import drawn, png_chunk

DIALECTS = [
    "openai-images",
    "bedrock-amazon",
    "bedrock-stability",
    "google-predict",
    "google-generate-content",
    "xai-images",
]
MIB = 2**20

MILLISECONDS = 4
"""What any input may cost: twice the two milliseconds that are meant, as CPU time varies."""

MILLISECONDS_A_MIB = 6
"""What each MiB of it may cost besides. Passing over a string takes a tenth of that."""

ROUNDS = 6
"""How often both are measured before an input is too dear."""

REFUSALS = (ValueError, RecursionError, UpstreamFault, GatewayError, EndlessEventError)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return what some work costs, refused or not, in the best of three times."""
    best = float("inf")
    for _ in range(3):
        begun = time.thread_time()
        with suppress(*REFUSALS):
            work()
        best = min(best, time.thread_time() - begun)
    return best


@cache
def millisecond() -> float:
    """Return what a loop in Python costs that takes about a millisecond."""

    def work() -> None:
        data = bytes(4096)
        for place in range(14_000):
            data[place & 1023 : 4]

    return cpu_seconds(work)


def require_cheap(work: Callable[[], object], size: int) -> None:
    require_at_most(MILLISECONDS + MILLISECONDS_A_MIB * size / MIB, lambda: cpu_seconds(work))


def require_at_most(limit: float, cost: Callable[[], float]) -> None:
    """Fail where a cost in seconds is always beyond a limit in milliseconds of this machine."""
    found: list[float] = []
    for _ in range(ROUNDS):
        found.append(cost() / millisecond())
        if found[-1] < limit:
            return
        millisecond.cache_clear()
    assert min(found) < limit


def repeated(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


PNG, JPEG, WEBP = (drawn(form, 64, 48) for form in ("png", "jpeg", "webp"))
FILES: dict[str, Callable[[int], bytes]] = {
    "empty PNG chunks": lambda size: PNG[:33] + repeated(png_chunk(b"tEXt"), size) + PNG[33:],
    "empty PNG chunks without end": lambda size: PNG[:33] + repeated(png_chunk(b"tEXt"), size),
    "PNG chunks": lambda size: (
        PNG[:33] + repeated(png_chunk(b"IDAT", bytes(1024)), size) + PNG[33:]
    ),
    "usual PNG chunks": lambda size: PNG[:33] + repeated(png_chunk(b"IDAT", bytes(8192)), size),
    "empty JPEG segments": lambda size: JPEG[:2] + repeated(b"\xff\xe1\0\2", size) + JPEG[2:],
    "APP11 segments": lambda size: JPEG[:2] + repeated(b"\xff\xeb\0\4JP", size) + JPEG[2:],
    "JPEG fill bytes": lambda size: JPEG[:2] + repeated(b"\xff", size) + JPEG[2:],
    "a JPEG without end": lambda size: JPEG[:-2] + bytes(size),
    "a JPEG of many ends": lambda size: JPEG[:-2] + repeated(b"\xff\xd8", size),
    "empty WebP chunks": lambda size: WEBP + repeated(b"EXIF\0\0\0\0", size),
    "a chunk of 4 GiB": lambda size: PNG[:33] + b"\xff\xff\xff\xfftEXt" + bytes(size),
}


@pytest.mark.parametrize("mebibytes", [0.05, 1, 8])
@pytest.mark.parametrize("kind", FILES)
def test_an_image_file(kind: str, mebibytes: float) -> None:
    text = base64.b64encode(FILES[kind](int(mebibytes * MIB)))
    require_cheap(lambda: inspect_quickly(text, find_c2pa=True), len(text))


@pytest.mark.parametrize("piece_bytes", [1000, 256 * 1024])
@pytest.mark.parametrize("kind", FILES)
def test_an_image_that_passes(kind: str, piece_bytes: int) -> None:
    text = base64.b64encode(FILES[kind](4 * MIB))
    form = {PNG[:2]: "png", JPEG[:2]: "jpeg", WEBP[:2]: "webp"}[base64.b64decode(text[:4])[:2]]

    def work() -> None:
        scanner = Scanner(form)
        for start in range(0, len(text), piece_bytes):
            scanner.feed(text[start : start + piece_bytes])
        scanner.is_whole()

    require_cheap(work, len(text))


JSON: dict[str, Callable[[int], bytes]] = {
    "quotes": lambda size: repeated(b'"', size),
    "empty strings": lambda size: b"[" + repeated(b'"",', size) + b"0]",
    "escaped quotes": lambda size: b'["' + repeated(b'\\"', size) + b'"]',
    "backslashes": lambda size: b'["' + repeated(b"\\\\", size) + b'"]',
    "backslashes before quotes": lambda size: b"[" + repeated(b'"' + b"\\" * 999 + b'",', size),
    "escapes": lambda size: b'["' + repeated(b"\\u0041", size) + b'"]',
    "escaped slashes": lambda size: b'["' + repeated(b"AAAA\\/", size) + b'"]',
    "an open string": lambda size: b'["' + repeated(b"A", size),
    "lists": lambda size: repeated(b"[", size),
    "objects": lambda size: repeated(b'{"":', size),
    "empty objects": lambda size: b"[" + repeated(b"{},", size) + b"0]",
    "members": lambda size: b"{" + repeated(b'"":0,', size) + b'"":0}',
    "different members": lambda size: json.dumps(dict.fromkeys(range(size // 10))).encode(),
    "integers": lambda size: b"[" + repeated(b"1,", size) + b"0]",
    "a huge integer": lambda size: repeated(b"9", size),
    "large integers": lambda size: b"[" + repeated(b"9" * 4300 + b",", size) + b"0]",
    "floats": lambda size: b"[" + repeated(b"1.5e300,", size) + b"0]",
    "a long float": lambda size: b"0." + repeated(b"9", size),
    "infinity": lambda size: b"[" + repeated(b"1e9999,", size) + b"0]",
    "space": lambda size: repeated(b" ", size) + b"{}",
    "no UTF-8": lambda size: b'["' + repeated(b"A", size) + b'\xff"]',
    "text": lambda size: b'["' + repeated("é".encode(), size) + b'"]',
    "a long name": lambda size: b'{"' + repeated(b"A", size) + b'": "' + b"A" * 5000 + b'"}',
    "images": lambda size: b'{"data":[' + repeated(b'{"b64_json":"QUJD"},', size) + b"{}]}",
    "parts": lambda size: (
        b'{"candidates":[{"content":{"parts":[' + repeated(b'{"text":""},', size) + b"{}]}}]}"
    ),
    "usage": lambda size: b'{"data":[],"usage":{"input_tokens":' + repeated(b"9", size) + b"}}",
    "NaN": lambda size: b"[" + repeated(b"NaN,", size) + b'"' + b"A" * 5000 + b'"]',
}


@pytest.mark.parametrize("mebibytes", [0.02, 0.2, 4])
@pytest.mark.parametrize("kind", JSON)
def test_json(kind: str, mebibytes: float) -> None:
    text = JSON[kind](int(mebibytes * MIB))
    require_cheap(lambda: loads(text), len(text))


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("kind", JSON)
def test_a_response(kind: str, name: str) -> None:
    text = JSON[kind](MIB)
    response = UpstreamResponse(200, {}, text)
    require_cheap(lambda: get_dialect(name).interpret(response), len(text))


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("kind", JSON)
def test_an_error(kind: str, name: str) -> None:
    text = JSON[kind](MAX_ERROR_BYTES)[:MAX_ERROR_BYTES]
    for body in (text, b'{"error": {"code": 400, "details": [' + text + b"]}}"):
        response = UpstreamResponse(400, {}, body)
        require_cheap(partial(get_dialect(name).read_error, response), len(body))


@pytest.mark.parametrize("kind", JSON)
def test_a_request(kind: str) -> None:
    text = JSON[kind](MIB - 6000)
    vocabulary = Vocabulary(frozenset(), frozenset(), {"extra": ("a-model",)})
    for body in (text, b'{"model": "m", "prompt": "p", "extra": ' + text + b"}"):
        require_cheap(
            partial(validate, JsonBody(body), vocabulary, ImageGenerationRequest), len(body)
        )


def test_a_request_of_unknown_fields() -> None:
    body = json.dumps({f"output_compresion_{at}" + "n" * 9000: at for at in range(100)}).encode()
    vocabulary = Vocabulary(frozenset(), frozenset(), {f"output_{at}": () for at in range(100)})
    require_cheap(lambda: validate(JsonBody(body), vocabulary, ImageGenerationRequest), MIB)


LOOKS = [
    b'"finish_reasons":[null],',
    b'"finish_reasons":[null]' + b" " * 50,
    b'"finish_reasons":[null][],[]',
    b'"finish_reasons":',
    b'"images":[ ',
    b'"images":[',
    b'"data":[{"b64_json":',
    b'"data":[{"b64_json": [{',
    b'"predictions":[{"bytesBase64Encoded":',
    b'"b64_json":',
    b" ",
    b"[",
    b'"seeds":[1],',
    b"x",
]


@pytest.mark.parametrize("name", [name for name in DIALECTS if get_dialect(name).FIRST_IMAGE])
@given(parts=st.lists(st.sampled_from(LOOKS), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_first_bytes_of_a_response(name: str, parts: list[bytes]) -> None:
    pattern = get_dialect(name).FIRST_IMAGE
    assert pattern is not None
    look = (parts[0] + repeated(b"".join(parts), LOOK_BYTES))[:LOOK_BYTES]
    for text in (look, look + b'"'):
        require_cheap(partial(pattern.search, text), len(text))
        require_cheap(partial(opening_of, text, pattern), len(text))


BETWEEN = [
    b"}, {",
    b"},",
    b",",
    b" ",
    b'"url": null,',
    b'"url": null ',
    b'"mimeType": "image/png",',
    b'"mimeType": "',
    b"a/",
    b'"b64_json": ',
    b'"bytesBase64Encoded": ',
    b"{",
]


@pytest.mark.parametrize(
    "name", [name for name in DIALECTS if hasattr(get_dialect(name), "NEXT_IMAGE")]
)
@given(parts=st.lists(st.sampled_from(BETWEEN), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_text_between_two_images_of_a_response(name: str, parts: list[bytes]) -> None:
    texts: NextImage = vars(get_dialect(name))["NEXT_IMAGE"]
    look = (parts[0] + repeated(b"".join(parts), LOOK_BYTES))[:LOOK_BYTES]
    for text in (look, b'"' + look + b'"'):
        require_cheap(partial(texts.before.search, text), len(text))
        require_cheap(partial(next_opening, text, texts.between), len(text))


LINES = [b"\n", b"\r", b"\r\n", b": x\n", b"data:\n", b"data: x\n", b"data: {}\n\n", b"x" * 99]


def turns(parser: EventParser, text: bytes) -> Iterator[float]:
    """Yield what the parser costs between two turns of the event loop."""
    feeding = parser.feed(text)
    done = False
    while not done:
        begun = time.thread_time()
        try:
            done = next(feeding, "done") == "done"
        except EndlessEventError:
            done = True
        yield time.thread_time() - begun


@pytest.mark.parametrize("line", LINES)
def test_events_between_two_turns_of_the_loop(line: bytes) -> None:
    text = repeated(line, MIB // 4)

    def longest_turn() -> float:
        return min(max(turns(EventParser(MIB), text)) for _ in range(3))

    require_at_most(MILLISECONDS, longest_turn)


@pytest.mark.parametrize("line", LINES)
def test_all_events_of_a_stream(line: bytes) -> None:
    text = repeated(line, 4 * MIB)
    require_cheap(lambda: list(EventParser(64 * MIB).feed(text)), 16 * MIB)


@pytest.mark.parametrize("part", [b"A", b"-", b"A-", b"=", b"A" * 999 + b"_", b"\n", b'"', b"\xff"])
def test_base64(part: bytes) -> None:
    text = repeated(part, 4 * MIB)
    for cut in (text, text[:-1]):
        require_cheap(partial(standard_base64, memoryview(cut)), len(cut))
        require_cheap(partial(plain_base64, cut[:500_000].decode("latin-1")), len(cut))


@pytest.mark.parametrize(
    "part", ["1", "Mon, ", "Sun, 06 Nov 1994 08:49:37 GMT", " ", "A", "a", ":"]
)
def test_headers(part: str) -> None:
    value = part * (32_000 // len(part))
    headers = {"retry-after": value, "retry-after-ms": value, "x-amz-retry-after": value}
    for text in (value, f"Mon{value}", value[:40]):
        require_cheap(partial(retry_after, headers | {"retry-after": text, "date": text}), 10_000)


@pytest.mark.parametrize(
    "part",
    [
        ",",
        " ",
        ", ",
        ",handling=",
        'handling="strict" ',
        "handling =",
        '"',
        '"\\"',
        "a,",
        "=",
        'a="',
        "wait=0",
        "0",
    ],
)
def test_a_preference(part: str) -> None:
    value = part * (32_000 // len(part))
    require_cheap(partial(preferences, [value, f"wait={value}x"]), 10_000)


HOSTILE = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"0", b"-", b"1e9999", b"NaN"),
    *(b'\\"', b"\\u0041", b'"a":', b'"",', b"{},", b"[],", b"A" * 5000, b"\xff"),
    b'"' + b"A" * 4096 + b'",',
]


@given(
    st.lists(st.tuples(st.sampled_from(HOSTILE), st.integers(1, 50_000)), max_size=6),
    st.sampled_from(DIALECTS),
)
@settings(max_examples=150, deadline=None)
def test_any_response(parts: list[tuple[bytes, int]], name: str) -> None:
    text = b"".join(part * min(times, MIB // len(part)) for part, times in parts)
    response = UpstreamResponse(200, {}, text)
    require_cheap(lambda: get_dialect(name).interpret(response), len(text))


PARTS = [
    png_chunk(b"tEXt"),
    png_chunk(b"IDAT", bytes(2000)),
    b"\xff",
    b"\xff\xe1\0\2",
    b"\xff\xeb\0\4JP",
]


@given(
    st.sampled_from([PNG[:33], JPEG[:2], WEBP]),
    st.lists(st.tuples(st.sampled_from([*PARTS, PNG, JPEG]), st.integers(1, 50_000)), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_any_image_file(start: bytes, parts: list[tuple[bytes, int]]) -> None:
    file = start + b"".join(part * min(times, MIB // len(part)) for part, times in parts)
    text = base64.b64encode(file)
    require_cheap(lambda: inspect_quickly(text, find_c2pa=True), len(text))
