import hashlib

from openai import AsyncOpenAI

from tests.simulator.edits import plain
from tintype_simulator.control.received import LONGEST_TEXT, received_body
from tintype_simulator.control.routes import REQUESTS_KEPT
from tintype_testing.http import http_client
from tintype_testing.simulators import fault, requests_received


async def test_the_log_holds_what_a_provider_received(simulator: str, client: AsyncOpenAI) -> None:
    await client.images.generate(model="gpt-image-1", prompt="a red fox", n=2, user="u-1")

    [received] = await requests_received(simulator)

    assert (received["method"], received["path"]) == ("POST", "/v1/images/generations")
    assert received["body"] == {
        "model": "gpt-image-1",
        "prompt": "a red fox",
        "n": 2,
        "user": "u-1",
    }


async def test_the_log_holds_headers_but_no_keys(simulator: str, client: AsyncOpenAI) -> None:
    await client.models.list(extra_headers={"X-Trace": "t-1"})

    [received] = await requests_received(simulator)

    assert isinstance(received["headers"], dict)
    assert received["headers"]["x-trace"] == "t-1"
    assert "authorization" not in received["headers"]


async def test_a_request_with_a_fault_is_in_the_log(simulator: str, client: AsyncOpenAI) -> None:
    await client.models.list(extra_headers=fault(body={"object": "list", "data": []}))

    [received] = await requests_received(simulator)

    assert received["path"] == "/v1/models"


async def test_a_body_that_is_not_json_is_logged_as_text(simulator: str) -> None:
    async with http_client() as http:
        await http.post(f"{simulator}/v1/images/generations", content=b"nonsense \xff")

    [received] = await requests_received(simulator)

    assert received["body"] == "nonsense \N{REPLACEMENT CHARACTER}"


async def test_the_log_drops_the_oldest_requests(simulator: str) -> None:
    async with http_client() as http:
        for number in range(REQUESTS_KEPT + 5):
            await http.get(f"{simulator}/v1/models?number={number}")

    received = await requests_received(simulator)

    assert len(received) == REQUESTS_KEPT
    assert received[0]["path"] == "/v1/models?number=5"


async def test_the_log_holds_the_parts_of_a_form_in_their_order(
    simulator: str, client: AsyncOpenAI
) -> None:
    photo = plain("red", (64, 48))

    await client.images.edit(
        model="gpt-image-2",
        prompt="a red fox",
        image=[("a.png", photo, "image/png")],
        extra_body={"quality": "low"},
    )

    [received] = await requests_received(simulator)
    assert received["body"] == [
        {"name": "prompt", "content_type": None, "value": "a red fox"},
        {"name": "model", "content_type": None, "value": "gpt-image-2"},
        {"name": "quality", "content_type": None, "value": "low"},
        {
            "name": "image[]",
            "filename": "a.png",
            "content_type": "image/png",
            "bytes": len(photo),
            "sha256": hashlib.sha256(photo).hexdigest(),
        },
    ]
    assert isinstance(received["headers"], dict)
    assert int(received["headers"]["content-length"]) > len(photo)


async def test_the_log_shows_the_length_and_digest_of_a_long_text(simulator: str) -> None:
    text = "x" * (LONGEST_TEXT + 1)

    async with http_client() as http:
        await http.post(f"{simulator}/v1/images/generations", json={"prompt": text})

    [received] = await requests_received(simulator)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert received["body"] == {"prompt": f"<{LONGEST_TEXT + 1} characters, SHA-256 {digest}>"}


def test_forms_that_differ_in_their_boundary_only_are_the_same_request() -> None:
    def form(boundary: str, value: str = "1") -> bytes:
        part = f'Content-Disposition: form-data; name="n"\r\n\r\n{value}'
        content = f"--{boundary}\r\n{part}\r\n--{boundary}--\r\n".encode()
        return received_body(f"multipart/form-data; boundary={boundary}", content).digest

    assert form("a") == form("b")
    assert form("a") != form("a", value="2")


def test_a_body_that_is_nested_deeply_can_be_logged() -> None:
    body = b"[" * 900 + b"]" * 900

    assert "nested" in str(received_body("application/json", body).shown)
