"""What happens to what the chosen model does not take: never silently."""

from pathlib import Path
from typing import Any

import pytest

from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.manifests import image_model, provider_binding

ADJUSTED: dict[str, tuple[dict[str, Any], str]] = {
    "a style": ({"style": "vivid"}, "style=stripped"),
    "a seed": ({"seed": 7}, "seed=stripped"),
    "what to avoid": ({"negative_prompt": "blur"}, "negative_prompt=stripped"),
    "a quality of another family": ({"quality": "standard"}, "quality=standard->medium"),
    "a size between the model's": ({"size": "1500x1000"}, "size=1500x1000->1536x1024"),
    "compression of a lossless format": (
        {"output_compression": 50},
        "output_compression=stripped",
    ),
}


@pytest.mark.parametrize("case", ADJUSTED)
async def test_an_adjustment_is_listed_in_a_header(gateway: Gateway, case: str) -> None:
    fields, adjustment = ADJUSTED[case]

    response = await gateway.generate(model="gpt-image-1", **{"quality": "low"} | fields)

    assert response.status_code == 200
    assert response.headers["Tintype-Adjusted"] == adjustment


@pytest.mark.parametrize("case", ADJUSTED)
async def test_under_strict_handling_it_is_an_error(gateway: Gateway, case: str) -> None:
    fields, _ = ADJUSTED[case]

    response = await gateway.generate(
        {"Prefer": "handling=strict"}, model="gpt-image-1", **{"quality": "low"} | fields
    )

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "unsupported_parameter")
    assert [error["param"]] == list(fields)
    assert await gateway.upstream_calls() == []


async def test_several_adjustments_are_one_list(gateway: Gateway) -> None:
    response = await gateway.generate(
        model="gpt-image-1", quality="low", seed=7, style="natural", size="1024x1792"
    )

    assert set(response.headers["Tintype-Adjusted"].split(", ")) == {
        "seed=stripped",
        "size=1024x1792->1024x1536",
        "style=stripped",
    }


async def test_a_supported_value_is_no_adjustment_even_under_strict_handling(
    gateway: Gateway,
) -> None:
    response = await gateway.generate(
        {"Prefer": "handling=strict"}, model="gpt-image-1", quality="low", size="1024x1024"
    )

    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "handling=strict"
    assert "Tintype-Adjusted" not in response.headers


async def test_a_strict_server_can_be_asked_for_leniency(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(), handling="strict") as gateway:
        strict = await gateway.generate(style="vivid")
        lenient = await gateway.generate({"Prefer": "handling=lenient"}, style="vivid")

    assert (strict.status_code, lenient.status_code) == (400, 200)


async def test_a_default_of_the_server_is_no_adjustment(tmp_path: Path) -> None:
    model = image_model(
        parameters={"style": {"handling": "Map", "values": {"vivid": "vivid"}}},
        defaults={"style": "vivid", "size": "1024x1536"},
    )
    binding = provider_binding(upstreamModel="dall-e-3")
    async with running_gateway(tmp_path, model, binding, handling="strict") as gateway:
        await gateway.script({"error": "openai/server_error"})
        await gateway.generate()

        (call,) = await gateway.upstream_calls()

    assert (call["style"], call["size"]) == ("vivid", "1024x1536")
