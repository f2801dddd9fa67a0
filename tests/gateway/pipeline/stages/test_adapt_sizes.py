"""What becomes of `size`, which is never a reason to fail unless a client wants it to be."""

from typing import Any

import pytest

from tests.gateway.pipeline.stages.adapting import adapted, refusal
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_testing.builders import snapshot, valid
from tintype_testing.manifests import PIXELS, image_model

HANDLINGS: list[Handling] = ["lenient", "strict"]
LIST: dict[str, Any] = {"mode": "List", "sizes": ["1536x1024", "1024x1024", "1024x1536"]}
RATIOS = {
    "mode": "AspectRatio",
    "ratios": {"1:1": "1024x1024", "16:9": "1344x768"},
    "resolutions": ["1K", "2K"],
}


@pytest.mark.parametrize("handling", HANDLINGS)
@pytest.mark.parametrize(
    ("rule", "size"),
    [(LIST, "1024x1536"), (PIXELS, "1024x1536"), (RATIOS, "1344x768"), (RATIOS, "2688x1536")],
)
def test_a_size_on_offer_is_taken(rule: dict[str, Any], size: str, handling: Handling) -> None:
    job = adapted(image_model(size=rule), handling, size=size)
    assert (str(job.size.size), job.adjustments) == (size, ())


@pytest.mark.parametrize(
    ("rule", "size", "nearest"),
    [
        (LIST, "1000x1500", "1024x1536"),
        (LIST, "1x1", "1024x1024"),
        (LIST, "99999x1", "1536x1024"),
        (PIXELS, "1920x1080", "1920x1088"),
        (RATIOS, "1920x1080", "2688x1536"),
        (RATIOS, "1280x720", "1344x768"),
    ],
)
def test_another_size_becomes_the_nearest_one(
    rule: dict[str, Any], size: str, nearest: str
) -> None:
    job = adapted(image_model(size=rule), size=size)
    assert (str(job.size.size), job.adjustments) == (nearest, (f"size={size}->{nearest}",))
    param, code, message = refusal(image_model(size=rule), "strict", size=size)
    assert (param, code) == ("size", "unsupported_parameter")
    assert nearest in message


def test_a_ratio_and_a_resolution_come_with_the_size() -> None:
    job = adapted(image_model(size=RATIOS), size="2688x1536")
    assert job.size == SizeChoice(Size(2688, 1536), "16:9", "2K")


@pytest.mark.parametrize("handling", HANDLINGS)
def test_without_a_size_it_is_the_standard_one(handling: Handling) -> None:
    job = adapted(image_model(size=LIST), handling)
    assert (str(job.size.size), job.adjustments) == ("1024x1024", ())


@pytest.mark.parametrize("handling", HANDLINGS)
def test_auto_is_left_to_a_provider_that_understands_it(handling: Handling) -> None:
    job = adapted(image_model(size=LIST | {"acceptsAuto": True}), handling, size="auto")
    assert (job.size, job.adjustments) == (SizeChoice(), ())


@pytest.mark.parametrize("handling", HANDLINGS)
def test_auto_is_the_models_first_size_elsewhere(handling: Handling) -> None:
    job = adapted(image_model(size=LIST), handling, size="auto")
    assert (str(job.size.size), job.adjustments) == ("1536x1024", ())


def test_a_size_for_a_model_that_knows_none_is_stripped() -> None:
    model = image_model(size={"mode": "None"})
    job = adapted(model, size="1024x1024")
    assert (job.size, job.adjustments) == (SizeChoice(), ("size=stripped",))
    assert refusal(model, "strict", size="1024x1024")[0] == "size"


@pytest.mark.parametrize("fields", [{}, {"size": "auto"}])
def test_a_model_that_knows_no_sizes_needs_none(fields: dict[str, Any]) -> None:
    job = adapted(image_model(size={"mode": "None"}), "strict", **fields)
    assert (job.size, job.adjustments) == (SizeChoice(), ())


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        (Size(1024, 768), Size(1024, 768)),
        (Size(1000, 750), Size(1184, 880)),
        (Size(3840, 2160), Size(1360, 768)),
    ],
    ids=["a size on offer", "another size", "a large size on offer"],
)
def test_an_edit_keeps_the_size_of_its_image_or_else_its_shape(sent: Size, size: Size) -> None:
    known = snapshot(image_model(size=PIXELS))
    job = adapt(valid(known), known.models["canvas"], "lenient", shape=sent)

    assert job.size.size == size
    assert job.adjustments == ()


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        (Size(1000, 1001), Size(1024, 1024)),
        (Size(704, 640), Size(1024, 1024)),
        (Size(600, 900), Size(1024, 1536)),
        (Size(3000, 2200), Size(1536, 1024)),
    ],
)
def test_an_edit_of_a_nearly_square_image_is_square(sent: Size, size: Size) -> None:
    known = snapshot(image_model())
    job = adapt(valid(known), known.models["canvas"], "lenient", shape=sent)

    assert (job.size.size, job.adjustments) == (size, ())
