"""Google's rows of the starter catalog against what Google published, as the simulator knows it."""

import datetime
from decimal import Decimal

import pytest

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.costs import Demand, call_usd, image_tokens
from tintype_catalog.sizes import Size, SizeChoice, choose
from tintype_simulator.google.models import MODELS
from tintype_testing.manifests import STARTER, compiled, read_manifests

CATALOG = compiled(*read_manifests(STARTER))
BINDINGS: dict[str, Binding] = {
    binding.upstream_model: binding
    for binding in CATALOG.bindings
    if binding.dialect.startswith("google-")
}
ROWS: dict[str, Model] = {row.id: row for row in CATALOG.models if row.id in BINDINGS}

PER_IMAGE = {
    "imagen-4.0-fast-generate-001": "0.020",
    "imagen-4.0-generate-001": "0.040",
    "imagen-4.0-ultra-generate-001": "0.060",
}
ABOUT = {
    ("gemini-2.5-flash-image", "1024x1024"): "0.039",
    ("gemini-3.1-flash-image", "512x512"): "0.045",
    ("gemini-3.1-flash-image", "1024x1024"): "0.067",
    ("gemini-3.1-flash-image", "2048x2048"): "0.101",
    ("gemini-3.1-flash-image", "4096x4096"): "0.151",
    ("gemini-3-pro-image", "1024x1024"): "0.134",
    ("gemini-3-pro-image", "2048x2048"): "0.134",
    ("gemini-3-pro-image", "4096x4096"): "0.24",
    ("gemini-3.1-flash-lite-image", "1024x1024"): "0.0336",
}
"""What Google says that an image costs, rounded as Google rounds it."""


IMAGES = [
    (name, ratio, resolution)
    for name in ROWS
    for ratio in MODELS[name].sizes
    for resolution in MODELS[name].resolutions
]


def test_the_rows_are_those_of_the_issue() -> None:
    assert set(ROWS) == {*PER_IMAGE, *(model for model, _ in ABOUT)}


@pytest.mark.parametrize(("name", "ratio", "resolution"), IMAGES)
def test_each_ratio_and_resolution_has_the_pixels_that_the_model_paints(
    name: str, ratio: str, resolution: str
) -> None:
    row, size = ROWS[name], Size(*MODELS[name].pixels(ratio, resolution))

    named = resolution if row.size.resolutions else None
    assert choose(row.size, size) == SizeChoice(size, ratio, named)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_offers_no_more_than_the_model_paints(name: str) -> None:
    rule = ROWS[name].size

    assert rule.ratios.keys() == MODELS[name].sizes.keys()
    assert set(rule.resolutions) in (set(), set(MODELS[name].resolutions))
    assert choose(rule, None).size == Size(1024, 1024)


@pytest.mark.parametrize(("name", "ratio", "resolution"), IMAGES)
def test_each_image_is_held_at_the_tokens_that_it_takes(
    name: str, ratio: str, resolution: str
) -> None:
    size = Size(*MODELS[name].pixels(ratio, resolution))

    tokens = image_tokens(BINDINGS[name].pricing, size, None, None)

    assert tokens == MODELS[name].resolutions[resolution]


@pytest.mark.parametrize("name", PER_IMAGE)
def test_imagen_is_priced_by_the_image(name: str) -> None:
    pricing = BINDINGS[name].pricing

    assert (pricing.type, pricing.usd) == ("per_image", PER_IMAGE[name])


@pytest.mark.parametrize(("name", "size"), ABOUT)
def test_gemini_is_priced_by_tokens_that_add_up_to_the_published_price(
    name: str, size: str
) -> None:
    asked = Demand(1, 1, 0, Size.parse(size), None, None)

    usd = call_usd(BINDINGS[name].pricing, asked, [Size.parse(size)], None)

    published = Decimal(ABOUT[name, size])
    assert usd.quantize(published) == published


@pytest.mark.parametrize("name", ROWS)
def test_every_image_of_google_carries_synthid(name: str) -> None:
    assert ROWS[name].watermark == "synthid"


@pytest.mark.parametrize("name", ROWS)
def test_a_call_makes_as_many_images_as_the_method_allows(name: str) -> None:
    assert ROWS[name].limits.max_images_per_call == (4 if name in PER_IMAGE else 1)


@pytest.mark.parametrize("name", ROWS)
def test_the_dates_are_those_that_google_announced(name: str) -> None:
    retires = ROWS[name].lifecycle.retires_on

    if name in PER_IMAGE:
        assert retires == datetime.date(2026, 8, 17)
    else:
        last = datetime.date(2027, 3, 15)
        assert retires == (last if name == "gemini-2.5-flash-image" else None)
