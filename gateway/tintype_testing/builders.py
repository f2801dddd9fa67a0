"""The values between the stages, each sound, with every field a keyword away."""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.costs import TokenUsage
from tintype_catalog.image_model import Watermark
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.api.operations import GENERATION
from tintype_gateway.api.requests import ImageGenerationRequest, ValidRequest
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.images.container import read_header
from tintype_gateway.ledger.interface import Hold, Profile, Settlement
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.values.content import InputImage, JsonBody
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.images import CallResult, FinishedImage, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Candidate, Route, Target
from tintype_gateway.values.upstream import UpstreamResponse
from tintype_testing.manifests import Manifest, compiled, image_model, provider_binding
from tintype_testing.sample_images import sample_image

TODAY = datetime.date(2026, 11, 20)

USAGE = TokenUsage(text_input=10, image_input=0, image_output=272, text_output=0)


def snapshot(*manifests: Manifest, sequence: int = 1) -> Snapshot:
    """Return the snapshot of manifests that are all sound."""
    return Snapshot.of(compiled(*manifests), sequence)


def model(**spec: Any) -> Model:
    """Return the model `canvas`."""
    return compiled(image_model(**spec)).models[0]


def binding(**spec: Any) -> Binding:
    """Return the binding of `canvas` to OpenAI."""
    return compiled(image_model(**spec.pop("of", {})), provider_binding(**spec)).bindings[0]


def route(region: str = "global", **spec: Any) -> Route:
    """Return the route to the binding of `canvas`."""
    return Route(binding(**spec), region)


def candidate(region: str = "global", **spec: Any) -> Candidate:
    """Return the binding of `canvas` with its credentials."""
    return Candidate(route(region, **spec), {"api-key": "sk-1"})


def target(requested: str = "canvas", **spec: Any) -> Target:
    """Return the model `canvas` with its one route."""
    return Target(requested, model(**spec), (route(),))


def valid(known: Snapshot | None = None, /, **fields: Any) -> ValidRequest:
    """Return a request for `canvas`, validated by what a snapshot knows."""
    vocabulary = (known or snapshot(image_model())).view().vocabulary
    return validate(JsonBody(body(**fields)), vocabulary, ImageGenerationRequest)


def body(**fields: Any) -> bytes:
    """Return the body of a request for `canvas`."""
    return json.dumps({"model": "canvas", "prompt": "A hedgehog"} | fields).encode()


def plan(
    requested: str = "canvas", *, of: Any = None, profile: Profile = "router", **asked: Any
) -> Plan:
    """Return what a request for `canvas` will buy, where `of` are fields of the model's spec."""
    wanted = target(requested, **of or {})
    given = wanted, (candidate(),), job(**asked), "abc123", "digest"
    return Plan(GENERATION, *given, profile=profile)


def job(
    *,
    prompt: str = "A hedgehog",
    images: int = 1,
    size: SizeChoice = SizeChoice(Size(1024, 1024)),  # noqa: B008  # it is a constant
    adjustments: tuple[str, ...] = (),
    extras: Mapping[str, object] | None = None,
    streamed: bool = False,
    partial_images: int = 0,
    task: str | None = None,
    inputs: tuple[InputImage, ...] = (),
    mask: InputImage | None = None,
    **parameters: str | int,
) -> Job:
    """Return what `canvas` is asked for."""
    given = prompt, images, size, parameters, extras or {}, adjustments
    return Job(
        *given,
        streamed=streamed,
        partial_images=partial_images,
        task=task,
        inputs=inputs,
        mask=mask,
    )


def finished_image(
    base64: bytes | memoryview | None = None, watermark: Watermark = "none", **fields: Any
) -> FinishedImage:
    """Return an image whose header was read."""
    text = sample_image() if base64 is None else base64
    return FinishedImage(GeneratedImage(text, **fields), *read_header(text), watermark)


def finished_call(
    *images: FinishedImage, first: int = 0, asked: int | None = None, **fields: Any
) -> FinishedCall:
    """Return a call that gave these images, by default one."""
    images = images or (finished_image(),)
    made = CallResult(tuple(image.image for image in images), **fields)
    return FinishedCall(first, len(images) if asked is None else asked, route(), made, images)


def delivered(sizes: Sequence[Size], **fields: Any) -> FinishedCall:
    """Return a call that gave images of these sizes, without drawing them."""
    images = tuple(FinishedImage(GeneratedImage(b""), "png", size, "none") for size in sizes)
    made = CallResult(tuple(image.image for image in images), **fields)
    return FinishedCall(0, len(sizes), route(), made, images)


def priced(call: FinishedCall, pricing: Pricing) -> FinishedCall:
    """Return a call that went to a binding with these prices."""
    elsewhere = call.route.binding.model_copy(update={"pricing": pricing})
    return replace(call, route=Route(elsewhere, call.route.region))


def settlement(charged: int = 640_000, available: int | None = 999_360_000) -> Settlement:
    """Return a charge in time and within its hold, by default of 0.040 USD."""
    return Settlement(charged, available, late=False, excess=0)


def upstream_response(content: object, status: int = 200, **headers: str) -> UpstreamResponse:
    """Return a provider's response, with dashes for the underscores in its headers' names."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return UpstreamResponse(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, text
    )


RECEIPT = Hold(id="hold-17", account="studio", amount=640_000)
"""The hold that paid for a response."""
