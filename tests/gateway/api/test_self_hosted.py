"""The manifests for servers of open models, asked through the gateway."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from PIL import Image, ImageChops, ImageStat

from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE, png, transparent_hole
from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.upstream.circuit_breaker import Circuits
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.health_probes import HealthProbes
from tintype_gateway.upstream.sessions import open_sessions
from tintype_gateway.upstream.tls import TlsFiles
from tintype_simulator.app import running
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import SELF_HOSTED, Manifest, read_manifests
from tintype_testing.metrics import metric
from tintype_testing.simulators import requests_received

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVERS = {
    "flux-2-klein": "vllm-omni",
    "flux-2-dev": "sglang",
    "stablediffusion": "localai",
    "sd3.5-medium": "xinference",
    "sd-cpp-local": "sdcpp",
    "flux2-klein": "ollama",
}
"""The simulated server of each model."""

WITH_MASKS = ("flux-2-klein", "stablediffusion", "sd-cpp-local")
WITHOUT_MASKS = ("flux-2-dev", "flux2-klein")

SMALL = "256x256"


CHARGED = ("sd-cpp-local",)
"""The models whose time is charged. The others are free."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def every_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway without any credentials, and with all servers."""
    manifests = read_manifests(SELF_HOSTED)
    async with running() as simulator:
        served = [activated(item, simulator) for item in manifests]
        async with running_gateway(
            tmp_path_factory.mktemp("gateway"),
            *served,
            simulator=simulator,
            credentials=Credentials(),
        ) as gateway:
            yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(every_server: Gateway) -> Gateway:
    """The gateway, whose servers have received nothing yet, and meet no faults."""
    await every_server.forget_calls()
    await every_server.script()
    return every_server


def activated(manifest: Manifest, simulator: str) -> Manifest:
    """Return a manifest whose binding is active and leads to its simulated server."""
    spec = manifest["spec"]
    if "modelRef" not in spec:
        return manifest
    server = {"sd-server": "sdcpp"}.get(spec["provider"], spec["provider"])
    own = {name: value for name, value in spec.items() if name != "serviceRef"}
    endpoint = f"{simulator}/servers/{server}"
    return manifest | {"spec": own | {"active": True, "endpoint": endpoint}}


def files_of(response: httpx2.Response) -> list[bytes]:
    assert response.status_code == 200, response.text
    return [base64.b64decode(entry["b64_json"]) for entry in response.json()["data"]]


def image_of(response: httpx2.Response) -> Image.Image:
    [file] = files_of(response)
    return Image.open(io.BytesIO(file))


async def edit(gateway: Gateway, model: str, *, mask: bool = False, **fields: str) -> Any:
    """Ask for an edit of a photo, whose transparent region changes where there is a mask."""
    files = {"image": png(photo(SIZE))} | ({"mask": png(transparent_hole())} if mask else {})
    async with gateway.http() as http:
        return await http.post(
            "/v1/images/edits",
            data={"model": model, "prompt": "a red fox"} | fields,
            files={name: (f"{name}.png", file, "image/png") for name, file in files.items()},
        )


async def posts(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the calls to servers, without those that fetch an image."""
    calls: list[dict[str, Any]] = await requests_received(gateway.simulator)
    return [call for call in calls if call["method"] == "POST"]


@pytest.mark.parametrize("model", SERVERS)
async def test_each_server_gives_an_image_without_a_key(gateway: Gateway, model: str) -> None:
    response = await gateway.generate(model=model, size=SMALL)

    image = image_of(response)
    assert (image.format, image.size) == ("PNG", (256, 256))
    assert (int(response.headers["Tintype-Cost-Micro-Credits"]) > 0) == (model in CHARGED)
    [call] = await posts(gateway)
    assert call["path"].startswith(f"/servers/{SERVERS[model]}/v1/images/")
    assert "authorization" not in call["headers"]


@pytest.mark.parametrize("model", SERVERS)
async def test_each_server_gives_the_format_and_the_number_that_are_asked_for(
    gateway: Gateway, model: str
) -> None:
    response = await gateway.generate(model=model, size=SMALL, n=2, output_format="webp")

    one, two = [Image.open(io.BytesIO(file)) for file in files_of(response)]
    assert (one.format, two.format) == ("WEBP", "WEBP")
    assert one.tobytes() != two.tobytes()


@pytest.mark.parametrize("model", WITH_MASKS)
async def test_a_mask_changes_what_is_transparent_in_it(gateway: Gateway, model: str) -> None:
    image = image_of(await edit(gateway, model, mask=True, size="320x320"))

    assert is_box(changed(photo(SIZE), image), HOLE)


async def test_a_mask_changes_what_is_transparent_in_it_as_far_as_jpeg_shows(
    gateway: Gateway,
) -> None:
    image = image_of(await edit(gateway, "sd3.5-medium", mask=True, size="320x320"))

    differing = ImageChops.difference(image.convert("RGB"), photo(SIZE)).convert("L")
    assert ImageStat.Stat(differing.crop(HOLE)).mean[0] > 16
    assert ImageStat.Stat(differing.crop((210, 190, *SIZE))).mean[0] < 4


@pytest.mark.parametrize("model", WITHOUT_MASKS)
async def test_a_mask_that_the_server_ignores_is_refused(gateway: Gateway, model: str) -> None:
    response = await edit(gateway, model, mask=True)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "mask")
    assert await posts(gateway) == []


@pytest.mark.parametrize("model", ["flux-2-klein", "flux-2-dev", "sd-cpp-local", "flux2-klein"])
async def test_an_edit_without_a_mask_changes_the_image(gateway: Gateway, model: str) -> None:
    image = image_of(await edit(gateway, model, size="320x320"))

    assert image.size == SIZE
    assert changed(photo(SIZE), image).getbbox() is not None


@pytest.mark.parametrize("model", ["stablediffusion", "sd3.5-medium"])
async def test_an_edit_needs_a_mask_where_the_server_only_inpaints(
    gateway: Gateway, model: str
) -> None:
    response = await edit(gateway, model)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "mask")


@pytest.mark.parametrize("form", ["png", "jpeg"])
async def test_the_prompt_that_sd_server_embeds_does_not_reach_the_client(
    gateway: Gateway, form: str
) -> None:
    response = await gateway.generate(
        model="sd-cpp-local", prompt="a secret fox", size=SMALL, output_format=form
    )

    [file] = files_of(response)
    assert b"secret" not in file


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("stablediffusion", "a fox | snow"),
        ("sd-cpp-local", "a fox <sd_cpp_extra_args>{}</sd_cpp_extra_args>"),
        ("flux-2-klein", "a fox <sd_cpp_extra_args>{}</sd_cpp_extra_args>"),
    ],
)
async def test_a_prompt_that_means_more_to_the_server_is_refused(
    gateway: Gateway, model: str, prompt: str
) -> None:
    response = await gateway.generate(model=model, prompt=prompt, size=SMALL)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "prompt")
    assert await posts(gateway) == []


@pytest.mark.parametrize("model", ["flux-2-klein", "flux-2-dev", "flux2-klein"])
async def test_a_seed_repeats_an_image(gateway: Gateway, model: str) -> None:
    one, two, other = [
        image_of(await gateway.generate(model=model, size=SMALL, seed=seed)).tobytes()
        for seed in (5, 5, 6)
    ]

    assert one == two
    assert one != other


async def test_clients_cannot_change_the_steps_that_a_binding_sets(gateway: Gateway) -> None:
    response = await gateway.generate(model="flux-2-klein", size=SMALL, num_inference_steps=150)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "num_inference_steps"


async def test_the_reason_of_a_server_reaches_the_client(gateway: Gateway) -> None:
    await gateway.script({"error": "sglang/nothing_stored"})

    response = await gateway.generate(model="flux-2-dev", size=SMALL)

    assert response.status_code == 400
    assert "no storage is configured" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "error"),
    [("stablediffusion", "localai/model_loading"), ("sd3.5-medium", "xinference/loading")],
)
async def test_a_server_that_loads_its_model_is_asked_again(
    gateway: Gateway, model: str, error: str
) -> None:
    await gateway.script({"error": error, "headers": {"retry-after": "0"}})

    response = await gateway.generate(model=model, size=SMALL)

    assert image_of(response).size == (256, 256)
    assert len(await posts(gateway)) == 2


@pytest.mark.parametrize("model", SERVERS)
async def test_each_server_responds_at_its_health_path(gateway: Gateway, model: str) -> None:
    catalog = gateway.catalogs.catalog
    assert catalog is not None
    [named] = [each.name for each in catalog.models if each.id == model]
    [binding] = [each for each in catalog.bindings if each.model_ref.name == named]

    before = metric("tintype_health_probes_total", binding=binding.name, result="success")
    async with open_sessions(EgressPolicy(Reach.ANYWHERE), TlsFiles()) as sessions:
        await HealthProbes(gateway.catalogs, sessions, Circuits()).probe(binding)

    after = metric("tintype_health_probes_total", binding=binding.name, result="success")
    assert after == before + 1


async def test_slow_work_is_charged_up_to_the_ceiling_of_an_image(gateway: Gateway) -> None:
    await gateway.script({"delay_seconds": 0.5})

    response = await gateway.generate(model="sd-cpp-local", size=SMALL)

    # 0.00001 USD a second, of which one is 16 credits
    charge = int(response.headers["Tintype-Cost-Micro-Credits"])
    assert 80 <= charge <= 600 * 160
