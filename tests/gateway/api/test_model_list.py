"""Models as `GET /v1/models` shows them."""

import datetime
import json
from typing import Any

import pytest

from tintype_gateway.api.model_list import describe
from tintype_testing.builders import TODAY, snapshot
from tintype_testing.manifests import (
    PIXELS,
    by_size_quality,
    image_model,
    per_image,
    per_token,
    price,
    provider_binding,
    qualities,
)


def described(*manifests: Any, today: datetime.date = TODAY, spoken: bool = True) -> dict[str, Any]:
    known = snapshot(*manifests)
    now = datetime.datetime.combine(today, datetime.time(), datetime.UTC)
    return describe(known.catalog.models[0], known.view(), now, lambda _: spoken)


def test_a_model_is_described_whole() -> None:
    model = image_model(
        id="amazon.nova-canvas-v1:0",
        aliases=["nova-canvas"],
        displayName="Amazon Nova Canvas",
        ownedBy="amazon",
        watermark="provenance",
        lifecycle={
            "releasedOn": "2024-12-04",
            "deprecatedOn": "2026-03-30",
            "retiresOn": "2026-12-30",
            "replacement": "gpt-image-2",
        },
        limits={"maxImagesPerCall": 5, "maxPromptCharacters": 1024},
        parameters=qualities(standard="standard", hd="premium")
        | {"seed": {"handling": "Clamp", "minimum": 0, "maximum": 9}},
        providerParameters={"textToImageParams": ["negativeText"]},
        defaults={"quality": "standard"},
    )
    prices = by_size_quality(
        price("0.040", maxPixels=1048576, quality="standard"),
        price("0.060", quality="standard"),
        price("0.080", quality="premium"),
    )
    binding = provider_binding(pricing=prices, regions=["us-east-1"])
    stripped, accepted = {"handling": "Strip"}, {"handling": "Accept"}
    cost = {
        "currency": "USD",
        "type": "per_image_by_size_quality",
        "prices": [
            {"max_pixels": 1048576, "quality": "standard", "usd": "0.040"},
            {"quality": "standard", "usd": "0.060"},
            {"quality": "premium", "usd": "0.080"},
        ],
    }
    assert described(model, binding) == {
        "id": "amazon.nova-canvas-v1:0",
        "object": "model",
        "created": 1733270400,
        "owned_by": "amazon",
        "shutdown_date": "2026-12-30",
        "display_name": "Amazon Nova Canvas",
        "aliases": ["nova-canvas"],
        "active": True,
        "supported_features": ["image_generation", "streaming"],
        "operations": {"generation": {"prompt": "Required"}},
        "output_modality": {"image": True, "text": False},
        "watermark": "provenance",
        "limits": {
            "max_images_per_call": 5,
            "max_images_per_request": 10,
            "max_prompt_characters": 1024,
            "max_partial_images": 3,
        },
        "size": {"mode": "List", "sizes": ["1024x1024", "1536x1024", "1024x1536"]},
        "parameters": {
            "quality": {"handling": "Map", "values": {"standard": "standard", "hd": "premium"}},
            "style": stripped,
            "background": stripped,
            "output_format": accepted,
            "output_compression": accepted,
            "moderation": stripped,
            "seed": {"handling": "Clamp", "minimum": 0, "maximum": 9},
            "negative_prompt": stripped,
            "input_fidelity": {"handling": "Reject"},
        },
        "provider_parameters": {"textToImageParams": ["negativeText"]},
        "defaults": {"quality": "standard"},
        "lifecycle": {
            "state": "Deprecated",
            "released_on": "2024-12-04",
            "deprecated_on": "2026-03-30",
            "retires_on": "2026-12-30",
            "replacement": "gpt-image-2",
        },
        "cost": cost,
        "next_cost": None,
        "providers": [
            {
                "provider": "openai",
                "binding": "canvas-openai",
                "active": True,
                "regions": ["us-east-1"],
                "cost": cost,
                "next_cost": None,
            }
        ],
    }


def test_an_operation_is_shown_with_its_inputs() -> None:
    edit = {"task": "INPAINTING", "mask": "Optional", "maxPixels": 4194304, "maxAspectRatio": "2.5"}

    shown = described(image_model(operations={"edit": edit}))

    assert shown["supported_features"] == ["image_edit", "streaming"]
    assert shown["operations"] == {
        "edit": {
            "task": "INPAINTING",
            "min_images": 1,
            "max_images": 1,
            "mask": "Optional",
            "prompt": "Required",
            "input_formats": ["png", "jpeg"],
            "opaque": False,
            "min_edge": 1,
            "min_pixels": 1,
            "max_pixels": 4194304,
            "max_aspect_ratio": "2.5",
        }
    }


def test_absent_fields_of_a_manifest_are_null_or_derived_from_the_id() -> None:
    shown = described(image_model())
    assert (shown["created"], shown["shutdown_date"], shown["cost"]) == (0, None, None)
    assert (shown["display_name"], shown["active"], shown["providers"]) == ("canvas", False, [])
    assert shown["lifecycle"]["state"] == "Active"


@pytest.mark.parametrize(
    ("model", "binding", "spoken", "active"),
    [
        ({}, {}, True, True),
        ({}, {}, False, False),
        ({}, {"active": False}, True, False),
        ({}, {"weight": 0}, True, False),
        ({"outputModality": {"image": False, "text": True}}, {}, True, False),
        ({"supportedFeatures": ["upscale"]}, {}, True, False),
        ({"lifecycle": {"retiresOn": "2026-11-20"}}, {}, True, False),
        ({"lifecycle": {"retiresOn": "2026-11-21"}}, {}, True, True),
        ({"lifecycle": {"deprecatedOn": "2026-11-20"}}, {}, True, True),
    ],
)
def test_a_model_is_active_where_a_request_would_be_served(
    model: dict[str, Any], binding: dict[str, Any], spoken: bool, active: bool
) -> None:
    shown = described(image_model(**model), provider_binding(**binding), spoken=spoken)
    assert shown["active"] is active


def test_the_cost_is_that_of_the_route_that_a_request_takes_first() -> None:
    shown = described(
        image_model(),
        provider_binding("dear", pricing=per_image("0.9"), priority=2),
        provider_binding("off", pricing=per_image("0.1"), active=False),
        provider_binding("cheap", pricing=per_image("0.20"), priority=1),
    )
    assert shown["cost"] == {"currency": "USD", "type": "per_image", "usd": "0.20"}
    assert {each["binding"]: each["active"] for each in shown["providers"]} == {
        "cheap": True,
        "off": False,
        "dear": True,
    }


def test_a_model_without_active_bindings_still_has_a_price() -> None:
    shown = described(image_model(), provider_binding(active=False, pricing=per_image("0")))
    assert shown["cost"] == {"currency": "USD", "type": "per_image", "usd": "0"}


def test_a_description_is_json() -> None:
    shown = described(image_model(size=PIXELS), provider_binding(pricing=per_token()))
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


@pytest.mark.parametrize(
    "rule", [{"handling": "Strip"}, {"handling": "Map", "values": {"png": "PNG"}}]
)
def test_every_format_is_accepted_because_missing_ones_are_converted(
    rule: dict[str, Any],
) -> None:
    shown = described(image_model(parameters={"output_format": rule}))["parameters"]

    assert shown["output_format"] == shown["output_compression"] == {"handling": "Accept"}


def test_formats_that_are_never_converted_to_are_listed_where_the_model_makes_them() -> None:
    rule = {"handling": "Map", "values": {"png": "PNG", "svg": "SVG"}}
    shown = described(image_model(parameters={"output_format": rule}))["parameters"]

    formats = {form: form for form in ("png", "jpeg", "webp", "svg")}
    assert shown["output_format"] == {"handling": "Map", "values": formats}
    assert shown["output_compression"] == {"handling": "Accept"}
