"""Bedrock's image models and image services: their ids, regions and lifecycles.

Models past the end of their life are offered like living ones, since people rehearse with them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype_simulator.bedrock.amazon_bodies import (
    NOVA_CANVAS,
    NOVA_INPUTS,
    TITAN,
    TITAN_INPUTS,
    TITAN_SIZES,
)
from tintype_simulator.bedrock.errors import invalid_model, needs_profile
from tintype_simulator.bedrock.input_images import ImageLimits
from tintype_simulator.bedrock.schema import Rule
from tintype_simulator.bedrock.stability_bodies import (
    SERVICES,
    STABLE_DIFFUSION_3,
    STABLE_DIFFUSION_35,
    STABLE_DIFFUSION_INPUTS,
    STABLE_IMAGE,
    WHOLE_IMAGE,
    Service,
)

AMAZON = "Amazon"
STABILITY = "Stability AI"

STABILITY_REGIONS = ("us-west-2",)
SERVICE_REGIONS = ("us-east-1", "us-east-2", "us-west-2")


@dataclass(frozen=True)
class Model:
    """One model of the list."""

    id: str
    name: str
    provider: str
    """`AMAZON` or `STABILITY`, which decides the protocol of the body."""

    regions: tuple[str, ...]
    schema: Rule
    """The rule for a body."""

    input_limits: ImageLimits = WHOLE_IMAGE
    """The limits of its input images."""

    lifecycle: Mapping[str, str] = field(default_factory=lambda: {"status": "ACTIVE"})
    sizes: frozenset[tuple[int, int]] = frozenset()
    """The only sizes of Titan's images, in pixels; empty: any size within bounds is allowed."""

    default_seed: int = 0
    """The seed of Amazon's models where a request has none."""

    detail: int = 1024
    """How fine its images are: `ImageSpec.detail`."""

    inputs: tuple[str, ...] = ("TEXT", "IMAGE")
    """The input modalities that its maker names."""

    service: str = ""
    """The name of an image service of Stability, which only an inference profile can call."""

    @property
    def inference_type(self) -> str:
        """How the model can be called, in the word of the list of models."""
        return "INFERENCE_PROFILE" if self.service else "ON_DEMAND"


def image_service(name: str, service: Service) -> Model:
    """Return the row of an image service."""
    return Model(
        f"stability.{name}-v1:0",
        service.title,
        STABILITY,
        SERVICE_REGIONS,
        service.body,
        service.images,
        inputs=("TEXT", "IMAGE") if "prompt" in service.body.fields else ("IMAGE",),
        service=name,
    )


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
            TITAN_INPUTS,
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
            NOVA_INPUTS,
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
            STABLE_DIFFUSION_35,
            STABLE_DIFFUSION_INPUTS,
            {"status": "ACTIVE", "startOfLifeTime": "2024-12-19T00:00:00Z"},
            detail=1536,
        ),
        Model(
            "stability.sd3-large-v1:0",
            "SD3 Large 1.0",
            STABILITY,
            STABILITY_REGIONS,
            STABLE_DIFFUSION_3,
            detail=1536,
        ),
        *(image_service(name, service) for name, service in SERVICES.items()),
    )
}
"""Every model by its id."""

PROFILE_PREFIX = re.compile(r"^(us|eu|apac|global)\.")
"""What comes before a model's id in the id of an inference profile: where it routes to."""


def described_model(identifier: str, region: str | None) -> Model:
    """Return the model of an id or of an ARN, which may be those of an inference profile.

    Raises:
        BedrockError: There is no such model in that region (None stands for any region).
    """
    name = last_part(identifier)
    model = MODELS.get(PROFILE_PREFIX.sub("", name))
    if model is None or region not in (None, *model.regions):
        raise invalid_model()
    return model


def invocable_model(identifier: str, region: str | None) -> Model:
    """Return the model that a call names, as `described_model` does.

    The image services can be called by the profile of the USA only.

    Raises:
        BedrockError: There is no such model in that region, or its own id cannot be called.
    """
    model, name = described_model(identifier, region), last_part(identifier)
    if model.service and name == model.id:
        raise needs_profile(identifier)
    if model.service and not name.startswith("us."):
        raise invalid_model()
    return model


def last_part(identifier: str) -> str:
    """Return the id in an ARN, or the id itself."""
    return identifier.rpartition("/")[2] if identifier.startswith("arn:") else identifier
