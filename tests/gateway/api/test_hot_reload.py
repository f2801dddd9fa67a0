"""A folder of manifests: what is edited counts for the next request, without a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.catalog.folder import ManifestFolder
from tintype_simulator.app import running
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway, towards
from tintype_testing.manifests import Manifest, image_model, per_image, provider_binding
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually


def write(folder: Path, *manifests: Manifest) -> None:
    """Write each object into a file of its own; JSON is YAML, too."""
    for manifest in manifests:
        file_of(folder, manifest).write_text(json.dumps(manifest))


def file_of(folder: Path, manifest: Manifest) -> Path:
    return folder / f"{manifest['metadata']['name']}.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one model and its binding."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    write(folder, *canvas())
    return folder


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    return overlay


@pytest.fixture
async def gateway(tmp_path: Path, folder: Path, overlay: Path) -> AsyncIterator[Gateway]:
    async with running() as simulator:
        manifests = ManifestFolder(folder, (overlay,), lambda item: towards(item, simulator))
        async with running_gateway(
            tmp_path, simulator=simulator, source=manifests.follow
        ) as gateway:
            await eventually(lambda: gateway.catalogs.catalog is not None)
            yield gateway


async def responses(gateway: Gateway, status: int, **fields: Any) -> None:
    """Wait until requests get this status."""

    async def does() -> bool:
        return (await gateway.generate(**fields)).status_code == status

    await eventually(does)


async def test_a_model_whose_binding_is_switched_off_is_a_400(
    gateway: Gateway, folder: Path
) -> None:
    assert (await gateway.generate()).status_code == 200

    write(folder, provider_binding(upstreamModel="dall-e-2", active=False))

    await responses(gateway, 400)
    assert (await gateway.generate()).json()["error"]["code"] == "no_active_providers"


async def test_a_model_that_is_switched_on_again_is_served_again(
    gateway: Gateway, folder: Path
) -> None:
    for active, status in ((False, 400), (True, 200)):
        write(folder, provider_binding(upstreamModel="dall-e-2", active=active))
        await responses(gateway, status)


async def test_a_model_that_is_deleted_is_a_404(gateway: Gateway, folder: Path) -> None:
    for manifest in canvas():
        file_of(folder, manifest).unlink()

    await responses(gateway, 404)


async def test_a_new_model_is_served(gateway: Gateway, folder: Path) -> None:
    assert (await gateway.generate(model="sketch")).status_code == 404

    write(folder, image_model("sketch"), provider_binding(model="sketch", upstreamModel="dall-e-2"))

    await responses(gateway, 200, model="sketch")


async def test_an_overlay_changes_the_objects_that_it_names(
    gateway: Gateway, overlay: Path
) -> None:
    retired = {"lifecycle": {"retiresOn": "2000-01-01"}}

    write(overlay, {"kind": "ImageModel", "metadata": {"name": "canvas"}, "spec": retired} | V1)

    await responses(gateway, 400)
    assert "2000-01-01" in (await gateway.generate()).json()["error"]["message"]


async def test_a_broken_file_leaves_the_last_good_catalog_and_says_so(
    gateway: Gateway, folder: Path
) -> None:
    rejected = rejected_folders()
    digest = gateway.catalogs.status().digest
    broken = folder / "broken.yaml"

    broken.write_text("spec: [")

    await eventually(lambda: gateway.catalogs.status().last_error is not None)
    assert rejected_folders() == rejected + 1
    async with gateway.http() as http:
        status = (await http.get(f"{gateway.admin_url}/status")).json()
    assert status["digest"] == digest
    assert "broken.yaml" in status["lastError"]
    assert (await gateway.generate()).status_code == 200

    broken.unlink()

    await eventually(lambda: gateway.catalogs.status().last_error is None)


async def test_a_faulty_object_keeps_its_last_good_form_and_holds_up_no_other(
    gateway: Gateway, folder: Path
) -> None:
    write(
        folder,
        provider_binding(upstreamModel="dall-e-2", pricing=per_image("cheap")),
        image_model("sketch"),
        provider_binding(model="sketch", upstreamModel="dall-e-2"),
    )

    await responses(gateway, 200, model="sketch")
    assert (await gateway.generate()).json()["usage"]["credits_used"] == 640_000


async def test_a_request_in_flight_keeps_the_price_that_it_started_with(
    gateway: Gateway, folder: Path
) -> None:
    await gateway.script({"delay_seconds": 1})
    request = asyncio.create_task(gateway.generate())
    await eventually(gateway.has_called)
    sequence = gateway.catalogs.current().sequence

    write(folder, provider_binding(upstreamModel="dall-e-2", pricing=per_image("0.080")))
    await eventually(lambda: gateway.catalogs.current().sequence > sequence)

    first, second = await request, await gateway.generate()
    assert first.json()["usage"]["credits_used"] == 640_000
    assert second.json()["usage"]["credits_remaining"] == CREDITS_MICRO - 3 * 640_000


V1 = {"apiVersion": "tintype.dev/v1alpha1"}


def rejected_folders() -> float:
    return metric("tintype_catalog_loads_total", source="folder", result="rejected")
