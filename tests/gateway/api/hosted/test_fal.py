"""The manifests for fal, asked through the gateway."""

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

DIALECT = "fal"

SCHNELL = "flux-1-schnell"
FILL = "flux-1-fill-pro"

SMALL = "128x128"


async def posted(gateway: Gateway) -> dict[str, Any]:
    """Return the one call that was submitted."""
    [call] = await calls(gateway)
    return call


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (SCHNELL, "fal-ai/flux/schnell"),
        ("flux-1-dev", "fal-ai/flux/dev"),
        ("flux-2-dev", "fal-ai/flux-2"),
    ],
)
async def test_each_model_makes_images(gateway: Gateway, model: str, path: str) -> None:
    response = await gateway.generate(model=model, size=SMALL, n=2, seed=7)

    one, two = images_of(response)
    assert (one.format, one.size) == ("PNG", (128, 128))
    assert one.tobytes() != two.tobytes()
    call = await posted(gateway)
    assert call["path"] == f"/hosted/fal/{path}"
    assert call["body"]["image_size"] == {"width": 128, "height": 128}
    assert (call["body"]["num_images"], call["body"]["enable_safety_checker"]) == (2, True)


async def test_each_image_costs_at_least_a_megapixel(gateway: Gateway) -> None:
    response = await gateway.generate(model=SCHNELL, size=SMALL, n=2)

    assert cost_of(response) == 2 * micro_credits("0.003")


async def test_the_images_of_an_edit_cost_too(gateway: Gateway) -> None:
    response = await edit(gateway, "flux-2-dev", images=3)

    assert cost_of(response) == 4 * micro_credits("0.012")


async def test_fal_is_told_to_repeat_and_to_keep_nothing(gateway: Gateway) -> None:
    await gateway.generate(model=SCHNELL, size=SMALL)

    headers = (await posted(gateway))["headers"]
    assert (headers["x-fal-no-retry"], headers["x-fal-store-io"]) == ("1", "0")
    assert headers["x-fal-request-timeout"] == "120"


async def test_an_edit_has_a_path_of_its_own(gateway: Gateway) -> None:
    image, _ = images_of(await edit(gateway, "flux-2-dev", images=2, n="2"))

    assert image.size == SIZE
    call = await posted(gateway)
    assert call["path"] == "/hosted/fal/fal-ai/flux-2/edit"
    assert len(call["body"]["image_urls"]) == 2


async def test_a_mask_changes_what_is_transparent_in_it(gateway: Gateway) -> None:
    [image] = images_of(await edit(gateway, FILL, mask=True))

    assert is_box(changed(photo(SIZE), image), HOLE)


@pytest.mark.parametrize(
    ("model", "mask", "param"), [(FILL, False, "mask"), ("flux-2-dev", True, "mask")]
)
async def test_a_mask_goes_with_models_that_use_it(
    gateway: Gateway, model: str, mask: bool, param: str
) -> None:
    response = await edit(gateway, model, mask=mask)

    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert await calls(gateway) == []


async def test_a_refused_prompt_is_not_charged_and_counts_as_our_loss(gateway: Gateway) -> None:
    balance, lost = (await gateway.account()).balance, unsettled("fal", "refused")

    response = await gateway.generate(model=SCHNELL, prompt="a forbidden fox", size=SMALL)

    assert error_of(response) == (400, "moderation_blocked", "prompt")
    assert (await gateway.account()).balance == balance
    assert unsettled("fal", "refused") == lost + 1


async def test_a_black_image_is_not_delivered_and_counts_as_our_loss(gateway: Gateway) -> None:
    lost = unsettled("fal", "refused")

    response = await gateway.generate(model=SCHNELL, prompt="half-flagged", size=SMALL, n=2)

    assert cost_of(response) == micro_credits("0.003")
    assert unsettled("fal", "refused") == lost + 1
    data = response.json()["data"]
    assert [bool(entry.get("b64_json")) for entry in data] == [True, False]


async def test_a_client_that_leaves_has_its_request_cancelled(gateway: Gateway) -> None:
    stopped, lost = cancelled("fal"), unsettled("fal", "cancelled")

    await left(gateway, SCHNELL, "an endless-task")

    await eventually(lambda: cancelled("fal") == stopped + 1)
    [call] = await calls(gateway, "PUT")
    assert call["path"].endswith("/cancel")
    await eventually(lambda: unsettled("fal", "cancelled") == lost + 1)

    async def held() -> int:
        return (await gateway.account()).held

    await eventually_equal(held, 0)


async def test_a_failure_of_fal_costs_nothing(gateway: Gateway) -> None:
    lost = unsettled("fal", "failed")

    response = await gateway.generate(model=SCHNELL, prompt="a broken-task", size=SMALL)

    assert error_of(response)[:2] == (503, "provider_unavailable")
    assert response.headers["x-should-retry"] == "true"
    assert unsettled("fal", "failed") == lost
    assert len(await calls(gateway)) == 1


async def test_an_unknown_state_is_polled_on(gateway: Gateway) -> None:
    response = await gateway.generate(model=SCHNELL, prompt="an odd-task", size=SMALL)

    assert len(images_of(response)) == 1


async def test_an_image_at_another_host_is_not_fetched(gateway: Gateway) -> None:
    response = await gateway.generate(model=SCHNELL, prompt="a strayed-task", size=SMALL)

    assert error_of(response)[:2] == (503, "outcome_unknown")


async def test_a_poll_that_fails_submits_nothing_again(gateway: Gateway) -> None:
    await gateway.script({}, {"status": 500}, {"cut_after_bytes": 3})

    response = await gateway.generate(model=SCHNELL, size=SMALL)

    assert len(images_of(response)) == 1
    assert len(await calls(gateway)) == 1


async def test_a_key_without_money_leads_to_no_image(gateway: Gateway) -> None:
    await gateway.script({"error": "fal/exhausted"})

    response = await gateway.generate(model=SCHNELL, size=SMALL)

    assert error_of(response)[:2] == (503, "provider_unauthorized")
    assert "balance" not in response.text.lower()


@pytest.mark.parametrize("field", ["loras", "enable_safety_checker", "sync_mode"])
async def test_what_reaches_beyond_the_image_is_refused_though_a_model_has_it(
    tmp_path: Path, field: str
) -> None:
    manifests = [
        changed_to(item, "spec.providerParameters", {field: []}) if is_schnell(item) else item
        for item in served(DIALECT)
    ]
    sent: dict[str, Any] = {field: False}
    async with running_gateway(tmp_path, *manifests) as gateway:
        response = await gateway.generate(model=SCHNELL, size=SMALL, **sent)

        assert error_of(response)[::2] == (400, field)
        assert await calls(gateway) == []


def is_schnell(manifest: Manifest) -> bool:
    """Return whether a manifest is the model of that name."""
    return bool(manifest["spec"].get("id") == SCHNELL)
