"""A body that holds files is sent with its length, read anew by each attempt, and signed whole."""

import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override

from tests.gateway.dialects.examples import IMAGE
from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.errors import UnavailableError
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.content import BytesContent
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import AwsSigner, Timeouts, UpstreamRequest
from tintype_gateway.values.upstream_body import (
    STEP_BYTES,
    FileBase64,
    FileBytes,
    FormPart,
    StreamedBody,
    json_body,
    multipart_body,
)

FILE = BytesContent(bytes(range(256)) * 4096)
TIMEOUTS = Timeouts(5, 30, 30)


@dataclass
class Provider:
    """Reads each body to its end, or refuses it before that."""

    url: str = ""
    refuses: bool = False
    heads: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.Response:
        self.heads.append(request.headers)
        if self.refuses:
            error = {"message": "too large", "type": "x", "param": None, "code": None}
            return web.json_response({"error": error}, status=413)
        self.bodies.append(await request.read())
        return web.json_response({"created": 1, "data": [{"b64_json": IMAGE}]})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/", provider.post)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("/"))
        yield provider


async def send(request: UpstreamRequest, attempts: int = 1) -> None:
    async with open_session(Egress(Reach.LOOPBACK)) as session:
        for _ in range(attempts):
            async for _event in call(request, openai_images, session, TIMEOUTS):
                pass


async def test_each_attempt_sends_the_whole_body_with_its_length(provider: Provider) -> None:
    body = json_body({"images": [FileBase64(FILE), FileBase64(FILE)], "prompt": "a fox"})

    await send(UpstreamRequest(provider.url, {}, body), attempts=2)

    expected = b"".join(body.chunks())
    assert provider.bodies == [expected, expected]
    assert [head["Content-Length"] for head in provider.heads] == [str(len(expected))] * 2
    assert not any("Transfer-Encoding" in head for head in provider.heads)


async def test_a_form_arrives_as_its_parts(provider: Provider) -> None:
    parts = [FormPart("prompt", "a fox"), FormPart("image[]", FileBytes(FILE), "image-1.png")]
    form = multipart_body(parts)

    await send(UpstreamRequest(provider.url, {"Content-Type": form.content_type}, form.body))

    assert FILE.data in provider.bodies[0]
    assert int(provider.heads[0]["Content-Length"]) == form.body.length


async def test_a_signed_body_arrives_with_its_length_which_is_not_signed(
    provider: Provider,
) -> None:
    body = json_body({"image": FileBase64(FILE)})
    signer = AwsSigner("bedrock", "us-east-1", "id", "secret")

    await send(UpstreamRequest(provider.url, {}, body, signer))

    assert provider.bodies == [b"".join(body.chunks())]
    assert provider.heads[0]["Content-Length"] == str(body.length)
    assert "SignedHeaders=host;x-amz-date," in provider.heads[0]["Authorization"]


async def test_a_provider_that_refuses_before_it_reads_is_understood(provider: Provider) -> None:
    provider.refuses = True
    body = StreamedBody((b"{", FileBytes(FILE), FileBytes(FILE), b"}"))

    with pytest.raises(UpstreamFault) as caught:
        await send(UpstreamRequest(provider.url, {}, body))

    assert caught.value.status == 413


class File(BytesContent):
    """A file on a disk, which notes the threads that read it."""

    @property
    @override
    def is_in_memory(self) -> bool:
        return False

    @override
    def read(self, offset: int, length: int) -> bytes:
        READERS.append(threading.current_thread())
        return super().read(offset, length)


class InMemory(File):
    """The same in memory."""

    @property
    @override
    def is_in_memory(self) -> bool:
        return True


READERS: list[threading.Thread] = []


@pytest.mark.parametrize("kind", [File, InMemory])
async def test_threads_read_what_is_not_in_memory(provider: Provider, kind: type[File]) -> None:
    READERS.clear()
    body = StreamedBody((FileBytes(kind(FILE.data)),))

    await send(UpstreamRequest(provider.url, {}, body))

    assert provider.bodies == [FILE.data]
    own = [each is threading.current_thread() for each in READERS]
    assert own == [kind is InMemory] * -(-FILE.length // STEP_BYTES)


class Gone(File):
    """A file that cannot be read to its end."""

    @override
    def read(self, offset: int, length: int) -> bytes:
        if offset >= STEP_BYTES:
            raise UnavailableError("the disk failed")
        return super().read(offset, length)


class Shortened(File):
    """A file that has lost its end."""

    @override
    def read(self, offset: int, length: int) -> bytes:
        return super().read(offset, length)[: max(0, STEP_BYTES - offset)]


@pytest.mark.parametrize("file", [Gone(FILE.data), Shortened(FILE.data)])
@pytest.mark.parametrize("signer", [None, AwsSigner("bedrock", "us-east-1", "id", "secret")])
async def test_a_body_that_cannot_be_read_to_its_end_was_not_processed(
    provider: Provider, file: BytesContent, signer: AwsSigner | None
) -> None:
    body = StreamedBody((FileBytes(file),))

    with pytest.raises(UpstreamFault) as caught:
        await send(UpstreamRequest(provider.url, {}, body, signer))

    assert caught.value.kind == "upload"
    assert provider.bodies == []
