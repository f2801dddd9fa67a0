"""The manifests for Azure OpenAI, asked through the gateway."""

import base64
import io
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from typing_extensions import override

from tests.simulator.edited import photo
from tests.simulator.servers import SIZE, png, transparent_hole
from tintype_catalog.catalog import Binding
from tintype_gateway.demo import pointed_at
from tintype_gateway.upstream.credentials import Credentials, SimulatedCredentials
from tintype_simulator.app import running
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import HOSTED, Manifest, read_manifests
from tintype_testing.recording_simulator import recording_simulator

MANIFESTS = [
    manifest
    for manifest in read_manifests(HOSTED)
    if manifest["spec"].get("dialect") == "azure-openai"
    or manifest["spec"].get("id", "").startswith("azure-")
]
MODELS = [item["spec"]["id"] for item in MANIFESTS if item["kind"] == "ImageModel"]
MINI = "azure-gpt-image-1-mini"
QUICK: dict[str, Any] = {"quality": "low", "size": "1024x1024"}


def served(simulator: str, **spec: Any) -> list[Manifest]:
    """Return the manifests with active bindings that lead to the simulator."""
    own = [pointed_at(manifest, simulator) for manifest in MANIFESTS]
    active = {"active": True} | spec
    return [
        item | {"spec": item["spec"] | active} if item["kind"] == "ProviderBinding" else item
        for item in own
    ]


@pytest.fixture(params=[None, "2025-04-01-preview"], ids=["v1", "classic"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with a key of Azure, which it uses at either of the two paths."""
    credentials = Credentials()
    keys = tmp_path / "credentials"
    keys.mkdir()
    (keys / "azure-openai.api-key").write_text("key-of-azure")
    await credentials.load_folder(keys)
    async with (
        running() as simulator,
        running_gateway(
            tmp_path,
            *served(simulator, apiVersion=request.param),
            simulator=simulator,
            credentials=credentials,
        ) as gateway,
    ):
        yield gateway


@dataclass(frozen=True)
class FixedCredentials(SimulatedCredentials):
    """The same credentials for every binding."""

    keys: Mapping[str, str]

    @override
    async def read(self, binding: Binding) -> Mapping[str, str]:
        return self.keys


def image_of(response: httpx2.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    [entry] = response.json()["data"]
    return Image.open(io.BytesIO(base64.b64decode(entry["b64_json"])))


@pytest.mark.parametrize("model", MODELS)
async def test_each_model_gives_an_image_at_its_price(gateway: Gateway, model: str) -> None:
    response = await gateway.generate(model=model, **QUICK)

    image = image_of(response)
    assert (image.format, image.size) == ("PNG", (1024, 1024))
    charged = response.json()["usage"]["credits_used"]
    assert charged > 0
    assert (await gateway.account()).available == CREDITS_MICRO - charged
    assert response.headers["Tintype-Route"].startswith("azure/")


async def test_nothing_is_sent_that_azure_does_not_take(gateway: Gateway) -> None:
    await gateway.generate(model=MINI, moderation="low", **QUICK)

    [call] = await gateway.upstream_calls()
    assert call.keys() == {"model", "prompt", "n", "size", "quality"}
    assert call["model"] == "gpt-image-1-mini"


@pytest.mark.parametrize(
    ("keys", "header", "value"),
    [
        ({"api-key": "key-of-azure"}, "api-key", "key-of-azure"),
        ({"access-token": "token-of-entra"}, "Authorization", "Bearer token-of-entra"),
    ],
)
async def test_a_key_and_a_token_have_headers_of_their_own(
    keys: Mapping[str, str], header: str, value: str, tmp_path: Path
) -> None:
    async with recording_simulator() as recording:
        manifests = served(recording.url)
        async with running_gateway(
            tmp_path, *manifests, simulator=recording.url, credentials=FixedCredentials(keys)
        ) as gateway:
            image_of(await gateway.generate(model=MINI, **QUICK))

    [call] = recording.calls
    assert call.headers[header] == value
    assert {"api-key", "Authorization"} & call.headers.keys() == {header}


async def test_webp_is_made_by_the_gateway(gateway: Gateway) -> None:
    assert image_of(await gateway.generate(model=MINI, output_format="webp", **QUICK)).format == (
        "WEBP"
    )


async def test_an_edit_is_sent_as_azure_wants_it(gateway: Gateway) -> None:
    files = {"image": png(photo(SIZE)), "mask": png(transparent_hole())}
    async with gateway.http() as http:
        response = await http.post(
            "/v1/images/edits",
            data={"model": "azure-gpt-image-1", "prompt": "a red fox", **QUICK},
            files={name: (f"{name}.png", file, "image/png") for name, file in files.items()},
        )

    assert image_of(response).size == (1024, 1024)
    calls: list[Any] = await gateway.upstream_calls()
    files_sent = [part["name"] for part in calls[0] if "filename" in part]
    assert files_sent == ["image[]", "mask"]


async def test_previews_are_passed_on(gateway: Gateway) -> None:
    async with gateway.openai() as client:
        stream = await client.images.generate(
            model=MINI, prompt="a red fox", quality="low", stream=True, partial_images=2
        )
        types = [event.type async for event in stream]

    assert types == [*["image_generation.partial_image"] * 2, "image_generation.completed"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("content_filter_input", "Your task failed as a result of our safety system."),
        ("content_filter_output", "Generated image was filtered"),
        ("policy_violation", "(violence: medium)"),
        ("moderation_blocked", "safety_violations=[violence]"),
    ],
)
async def test_each_form_of_the_content_filter_is_one_refusal_with_its_reason(
    gateway: Gateway, error: str, told: str
) -> None:
    await gateway.script({"error": f"azure/{error}"})

    response = await gateway.generate(model=MINI, **QUICK)

    refusal = response.json()["error"]
    assert (response.status_code, refusal["code"]) == (400, "moderation_blocked")
    assert told in refusal["message"]


async def test_a_forbidden_prompt_is_refused_and_costs_nothing(gateway: Gateway) -> None:
    before = await gateway.account()

    response = await gateway.generate(model=MINI, prompt="something forbidden", **QUICK)

    assert response.json()["error"]["code"] == "moderation_blocked"
    assert await gateway.account() == before


@pytest.mark.parametrize(
    ("error", "status", "code", "cause"),
    [
        ("deployment_not_found", 503, "provider_unavailable", "The API deployment for this"),
        ("unauthorized", 503, "provider_unauthorized", "Access denied due to invalid"),
    ],
)
async def test_a_fault_of_the_setup_is_logged_with_azures_words_and_id(
    gateway: Gateway,
    error: str,
    status: int,
    code: str,
    cause: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await gateway.script({"error": f"azure/{error}", "headers": {"apim-request-id": "apim-1"}})

    with caplog.at_level(logging.INFO):
        response = await gateway.generate(model=MINI, **QUICK)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert cause not in response.text
    [record] = [r.__dict__ for r in caplog.records if "no image" in r.getMessage()]
    assert record["upstream_request_id"] == "apim-1"
    assert record["cause"].startswith(cause)


async def test_a_throttled_call_is_made_again_when_azure_says(gateway: Gateway) -> None:
    await gateway.script({"error": "azure/throttled", "headers": {"retry-after": "0"}})

    image_of(await gateway.generate(model=MINI, **QUICK))

    assert len(await gateway.upstream_calls()) == 2
