"""The manifests for Replicate, asked through the gateway."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.hosted.requests import (
    calls,
    cancelled,
    cost_of,
    edit,
    error_of,
    images_of,
    left,
    micro_credits,
    served,
    unsettled,
)
from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import Manifest
from tintype_testing.manifests import changed as changed_to
from tintype_testing.waiting import eventually, eventually_equal

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALECT = "replicate"

FLUX = "black-forest-labs"
SDXL = "stability-ai/sdxl"

SMALL = "128x128"

VERSION = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"


async def created(gateway: Gateway) -> dict[str, Any]:
    """Return the one call that created a prediction."""
    [call] = await calls(gateway)
    return call


@pytest.mark.parametrize(
    ("model", "usd"), [("flux-schnell", "0.003"), ("flux-dev", "0.025"), ("flux-2-pro", "0.03")]
)
async def test_each_model_of_flux_makes_an_image_of_a_ratio(
    gateway: Gateway, model: str, usd: str
) -> None:
    response = await gateway.generate(model=f"{FLUX}/{model}", size="1536x1024")

    [image] = images_of(response)
    assert (image.format, image.size) == ("PNG", (1216, 832))
    assert cost_of(response) == micro_credits(usd)
    call = await created(gateway)
    assert call["path"] == f"/hosted/replicate/v1/models/{FLUX}/{model}/predictions"
    assert call["body"]["input"]["aspect_ratio"] == "3:2"
    assert call["headers"]["cancel-after"].endswith("s")


async def test_a_version_makes_several_images_and_is_charged_by_its_time(gateway: Gateway) -> None:
    response = await gateway.generate(model=SDXL, size=SMALL, n=2, negative_prompt="snow")

    one, two = images_of(response)
    assert one.size == two.size == (128, 128)
    assert one.tobytes() != two.tobytes()
    assert 0 < cost_of(response) < 2 * micro_credits("0.05")
    call = await created(gateway)
    assert call["path"] == "/hosted/replicate/v1/predictions"
    assert call["body"]["version"] == VERSION
    assert call["body"]["input"]["negative_prompt"] == "snow"


async def test_a_deployment_makes_images(tmp_path: Path) -> None:
    manifests = [
        changed_to(item, "spec.upstreamModel", "deployments/tintype/flux")
        if item["metadata"]["name"] == "flux-schnell-replicate" and is_binding(item)
        else item
        for item in served(DIALECT)
    ]
    async with running_gateway(tmp_path, *manifests) as gateway:
        response = await gateway.generate(model=f"{FLUX}/flux-schnell", size="1024x1024")

        assert len(images_of(response)) == 1
        call = await created(gateway)
        assert call["path"] == "/hosted/replicate/v1/deployments/tintype/flux/predictions"


def is_binding(manifest: Manifest) -> bool:
    """Return whether a manifest is a binding."""
    return bool(manifest["kind"] == "ProviderBinding")


async def test_an_edit_keeps_the_shape_of_its_image(gateway: Gateway) -> None:
    response = await edit(gateway, f"{FLUX}/flux-kontext-pro")

    assert [image.size for image in images_of(response)] == [SIZE]
    assert cost_of(response) == micro_credits("0.04")


async def test_an_edit_may_take_one_image(gateway: Gateway) -> None:
    [image] = images_of(await edit(gateway, f"{FLUX}/flux-dev"))

    assert image.size == (1024, 1024)
    assert (await created(gateway))["body"]["input"]["image"].startswith("data:image/png;base64,")


async def test_an_edit_may_take_several_images_which_cost_too(gateway: Gateway) -> None:
    response = await edit(gateway, f"{FLUX}/flux-2-pro", images=3)

    assert len(images_of(response)) == 1
    assert cost_of(response) == micro_credits("0.075")
    assert len((await created(gateway))["body"]["input"]["input_images"]) == 3


async def test_a_mask_changes_what_is_transparent_in_it(gateway: Gateway) -> None:
    [image] = images_of(await edit(gateway, SDXL, mask=True))

    assert is_box(changed(photo(SIZE), image), HOLE)


async def test_a_mask_that_a_model_does_not_take_is_refused(gateway: Gateway) -> None:
    response = await edit(gateway, f"{FLUX}/flux-dev", mask=True)

    assert error_of(response)[::2] == (400, "mask")
    assert await calls(gateway) == []


async def test_refused_content_is_not_charged_and_counts_as_our_loss(gateway: Gateway) -> None:
    balance, lost = (await gateway.account()).balance, unsettled("replicate", "refused")

    response = await gateway.generate(model=SDXL, prompt="a forbidden fox", size=SMALL)

    assert error_of(response)[:2] == (400, "moderation_blocked")
    assert (await gateway.account()).balance == balance
    assert unsettled("replicate", "refused") == lost + 1


async def test_a_client_that_leaves_has_its_prediction_cancelled(gateway: Gateway) -> None:
    stopped, lost = cancelled("replicate"), unsettled("replicate", "cancelled")

    await left(gateway, SDXL, "an endless-task")

    await eventually(lambda: cancelled("replicate") == stopped + 1)
    assert [call["path"].endswith("/cancel") for call in await calls(gateway)] == [False, True]
    await eventually(lambda: unsettled("replicate", "cancelled") == lost + 1)

    async def held() -> int:
        return (await gateway.account()).held

    await eventually_equal(held, 0)


async def test_a_prediction_that_fails_may_be_charged_to_us_alone(gateway: Gateway) -> None:
    balance, lost = (await gateway.account()).balance, unsettled("replicate", "failed")

    response = await gateway.generate(model=SDXL, prompt="a broken-task", size=SMALL)

    assert error_of(response)[:2] == (503, "provider_unavailable")
    assert (await gateway.account()).balance == balance
    assert unsettled("replicate", "failed") == lost + 1


async def test_an_unknown_state_is_polled_on(gateway: Gateway) -> None:
    response = await gateway.generate(model=SDXL, prompt="an odd-task", size=SMALL)

    assert len(images_of(response)) == 1


async def test_an_image_at_another_host_is_not_fetched(gateway: Gateway) -> None:
    response = await gateway.generate(model=SDXL, prompt="a strayed-task", size=SMALL)

    assert error_of(response)[:2] == (503, "outcome_unknown")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("replicate/insufficient_credit", "provider_unauthorized"),
        ("replicate/server_error", "outcome_unknown"),
    ],
)
async def test_an_error_of_the_creation_is_told(gateway: Gateway, error: str, code: str) -> None:
    await gateway.script({"error": error})

    response = await gateway.generate(model=SDXL, size=SMALL)

    assert error_of(response)[:2] == (503, code)
    assert len(await calls(gateway)) == 1


async def test_a_throttled_creation_is_made_again(gateway: Gateway) -> None:
    await gateway.script({"error": "replicate/throttled"})

    response = await gateway.generate(model=SDXL, size=SMALL)

    assert len(images_of(response)) == 1
    assert len(await calls(gateway)) == 2


@pytest.mark.parametrize("field", ["disable_safety_checker", "replicate_weights", "webhook"])
async def test_what_reaches_beyond_the_image_is_refused_though_a_model_has_it(
    tmp_path: Path, field: str
) -> None:
    manifests = [
        changed_to(item, "spec.providerParameters", {field: []})
        if item["spec"].get("id") == SDXL
        else item
        for item in served(DIALECT)
    ]
    sent: dict[str, Any] = {field: True}
    async with running_gateway(tmp_path, *manifests) as gateway:
        response = await gateway.generate(model=SDXL, size=SMALL, **sent)

        assert error_of(response)[::2] == (400, field)
        assert await calls(gateway) == []
