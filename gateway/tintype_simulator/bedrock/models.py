"""Bedrock's image models: which there are, and where.

Models past the end of their life are offered like living ones, because retired models are what
people rehearse with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype_simulator.bedrock.bodies import (
    NOVA_CANVAS,
    STABLE_DIFFUSION,
    STABLE_IMAGE,
    TITAN,
    TITAN_SIZES,
)
from tintype_simulator.bedrock.errors import invalid_model, needs_profile
from tintype_simulator.bedrock.schema import Record

AMAZON = "Amazon"
STABILITY = "Stability AI"

STABILITY_REGIONS = ("us-west-2",)


@dataclass(frozen=True)
class Model:
    """One model of the list."""

    id: str
    name: str
    provider: str
    """`AMAZON` or `STABILITY`: whose protocol the body follows."""

    regions: tuple[str, ...]
    schema: Record
    """What a body may hold."""

    lifecycle: Mapping[str, str] = field(default_factory=lambda: {"status": "ACTIVE"})
    sizes: frozenset[tuple[int, int]] = frozenset()
    """The only sizes of a model of Amazon's, in pixels; none where any within bounds is right."""

    default_seed: int = 0
    """What a model of Amazon's takes for a seed that is left out."""

    detail: int = 1024
    """How fine its images are: `Image.detail`."""

    inputs: tuple[str, ...] = ("TEXT", "IMAGE")
    """What it takes, by its maker's word."""


def stable_image(tier: str, version: int, detail: int, *inputs: str) -> Model:
    """Return a model of the Stable Image family."""
    return Model(
        f"stability.stable-image-{tier}-v1:{version}",
        f"Stable Image {tier.title()} 1.{version}",
        STABILITY,
        STABILITY_REGIONS,
        STABLE_IMAGE,
        detail=detail,
        inputs=inputs,
    )


MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        Model(
            "amazon.titan-image-generator-v2:0",
            "Titan Image Generator G1 v2",
            AMAZON,
            ("us-east-1", "us-west-2"),
            TITAN,
            {"status": "LEGACY", "endOfLifeTime": "2026-06-30T00:00:00Z"},
            TITAN_SIZES,
            default_seed=42,
        ),
        Model(
            "amazon.nova-canvas-v1:0",
            "Nova Canvas",
            AMAZON,
            ("us-east-1", "eu-west-1", "ap-northeast-1"),
            NOVA_CANVAS,
            {
                "status": "LEGACY",
                "legacyTime": "2026-03-30T00:00:00Z",
                "endOfLifeTime": "2026-09-30T00:00:00Z",
            },
            default_seed=12,
        ),
        stable_image("core", 0, 1024, "TEXT"),
        stable_image("core", 1, 1024, "TEXT"),
        stable_image("ultra", 0, 2048, "TEXT", "IMAGE"),
        stable_image("ultra", 1, 2048, "TEXT", "IMAGE"),
        Model(
            "stability.sd3-5-large-v1:0",
            "Stable Diffusion 3.5 Large",
            STABILITY,
            STABILITY_REGIONS,
            STABLE_DIFFUSION,
            {"status": "ACTIVE", "startOfLifeTime": "2024-12-19T00:00:00Z"},
            detail=1536,
        ),
        Model(
            "stability.sd3-large-v1:0",
            "SD3 Large 1.0",
            STABILITY,
            STABILITY_REGIONS,
            STABLE_DIFFUSION,
            detail=1536,
        ),
    )
}
"""Every model by its id."""

PROFILE_ONLY = frozenset(
    f"stability.{service}-v1:0"
    for service in (
        "stable-creative-upscale",
        "stable-conservative-upscale",
        "stable-fast-upscale",
        "stable-image-inpaint",
        "stable-outpaint",
        "stable-image-search-replace",
        "stable-image-search-recolor",
        "stable-image-erase-object",
        "stable-image-remove-background",
        "stable-image-control-sketch",
        "stable-image-control-structure",
        "stable-image-style-guide",
        "stable-style-transfer",
    )
)
"""The services that edit images. The simulator has none of them, and says what Bedrock says to
whoever calls one by its bare id."""


def named_model(identifier: str, region: str | None) -> Model:
    """Return the model of an id, an ARN, or the id or ARN of a cross-region inference profile.

    Raises:
        BedrockError: There is no such model in that region (None stands for any region).
    """
    if identifier in PROFILE_ONLY:
        raise needs_profile(identifier)
    name = identifier.rpartition("/")[2] if identifier.startswith("arn:") else identifier
    model = MODELS.get(re.sub(r"^(us|eu|apac|global)\.", "", name))
    if model is None or region not in (None, *model.regions):
        raise invalid_model()
    return model
