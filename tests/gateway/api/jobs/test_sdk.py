"""OpenAI's own Python client submits jobs and follows them, with nothing but extra headers."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, BadRequestError, NotFoundError, RateLimitError

from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.sample_images import drawn
from tintype_testing.simulators import file_of, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASYNC = {"Prefer": "respond-async"}
PHOTO = drawn("png", 96, 64)
PHOTO_OF_NOVA = drawn("png", 512, 512)
ENDED = ("completed", "failed", "cancelled", "outcome_unknown")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    images = ImageTools(store=folder_store(folder / "images"))
    async with running_gateway(
        folder, images=images, job_settings={"jobs_concurrency": 4}
    ) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with gateway.openai() as client:
        yield client


async def ended(client: AsyncOpenAI, location: str) -> dict[str, Any]:
    """Return a job once it has ended, by the path in `Location`."""
    while True:
        options: Any = {"headers": {"Prefer": "wait=30"}}
        path = location.removeprefix("/v1")
        job: dict[str, Any] = await client.get(path, cast_to=dict[str, Any], options=options)
        if job["status"] in ENDED:
            return job


async def test_a_job_is_submitted_and_waited_for(client: AsyncOpenAI) -> None:
    accepted = await client.images.with_raw_response.generate(
        model="gpt-image-2", prompt="a red fox", quality="low", extra_headers=ASYNC
    )
    job = await ended(client, accepted.headers["Location"])

    assert accepted.status_code == 202
    assert job["status"] == "completed"
    (image,) = job["result"]["data"]
    assert opened(file_of_text(image["b64_json"])).size == (1024, 1024)


async def test_a_wait_gives_the_images_as_any_call_does(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-2",
        prompt="a red fox",
        quality="low",
        n=2,
        extra_headers={"Prefer": "respond-async, wait=60"},
    )

    assert [opened(file_of(image)).size for image in response.data or ()] == [(1024, 1024)] * 2
    assert response.usage is not None
    assert response.usage.output_tokens > 0


async def test_an_edit_with_its_files_becomes_a_job(client: AsyncOpenAI, gateway: Gateway) -> None:
    accepted = await client.images.with_raw_response.edit(
        model="gpt-image-2",
        image=[("a.png", PHOTO, "image/png"), ("b.png", PHOTO, "image/png")],
        prompt="make it blue",
        quality="low",
        size="1024x1024",
        extra_headers=ASYNC,
    )
    job = await ended(client, accepted.headers["Location"])

    assert (job["status"], job["request"]["operation"]) == ("completed", "image_edit")
    assert len(job["result"]["data"]) == 1
    assert job["result"]["usage"]["input_tokens_details"]["image_tokens"] > 0


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # by OpenAI
async def test_a_variation_becomes_a_job(client: AsyncOpenAI) -> None:
    accepted = await client.images.with_raw_response.create_variation(
        model="nova-canvas-variation", image=PHOTO_OF_NOVA, extra_headers=ASYNC
    )
    job = await ended(client, accepted.headers["Location"])

    assert (job["status"], job["request"]["operation"]) == ("completed", "image_variation")


async def test_the_client_lists_and_cancels(client: AsyncOpenAI) -> None:
    accepted = await client.images.with_raw_response.generate(
        model="gpt-image-2", prompt="a red fox", quality="low", extra_headers=ASYNC
    )
    path = accepted.headers["Location"].removeprefix("/v1")
    cancelled = await client.post(f"{path}/cancel", cast_to=dict[str, Any])
    listed = await client.get("/images/jobs?limit=1", cast_to=dict[str, Any])

    assert cancelled["id"] == listed["data"][0]["id"]
    await ended(client, accepted.headers["Location"])


async def test_errors_are_those_of_the_client(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.images.generate(
            model="gpt-image-2",
            prompt="a red fox",
            style="vivid",
            extra_headers={"Prefer": "respond-async, handling=strict"},
        )
    with pytest.raises(NotFoundError) as missing:
        await client.get("/images/jobs/job_1", cast_to=dict[str, Any])

    assert refused.value.code == "unsupported_parameter"
    assert missing.value.code == "job_not_found"


async def test_the_client_waits_and_tries_again_where_the_queue_is_full(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("full")
    images = ImageTools(store=folder_store(folder / "images"))
    settings = {"jobs_concurrency": 0, "jobs_max_queued": 1}
    async with running_gateway(folder, images=images, job_settings=settings) as gateway:
        async with gateway.openai() as client:
            create = client.images.with_raw_response.generate
            asked: Any = {"model": "gpt-image-2", "prompt": "a fox", "extra_headers": ASYNC}
            await create(**asked)
            with pytest.raises(RateLimitError) as refused:
                await create(**asked)
        await gateway.end_jobs()

    assert refused.value.code == "job_queue_full"
    assert refused.value.response.headers["x-should-retry"] == "true"
    assert int(refused.value.response.headers["Retry-After"]) > 0


def file_of_text(text: str) -> bytes:
    """Return the file in a base64 text."""
    return base64.b64decode(text, validate=True)
