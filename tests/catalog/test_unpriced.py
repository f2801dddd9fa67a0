"""Nothing is ever served unpriced by accident."""

import pytest

from tintype_catalog.compiler import compile_manifests
from tintype_testing.manifests import (
    Manifest,
    by_size,
    by_size_quality,
    changed,
    compiled,
    image_model,
    per_image,
    per_token,
    price,
    provider_binding,
    qualities,
    tokens,
)

LISTED = image_model(parameters=qualities(low="low", hd="high", auto="auto"))
BOUNDED = changed(
    LISTED, "spec.size", {"mode": "Pixels", "maxEdge": 2048, "maxPixels": 2048 * 2048}
)
PLAIN = image_model()


def messages(model: Manifest, pricing: Manifest, *, active: bool = True) -> list[str]:
    binding = provider_binding(pricing=pricing, active=active)
    catalog, problems = compile_manifests([model, binding])
    assert bool(problems) == (not catalog.bindings)
    assert {(problem.field, problem.reason) for problem in problems} <= {
        ("spec.pricing", "Unpriced")
    }
    return [problem.message for problem in problems]


def every_size(quality: str) -> list[Manifest]:
    sizes = ("1024x1024", "1536x1024", "1024x1536")
    return [tokens(100, quality=quality, size=size) for size in sizes]


COMPLETE = [
    (PLAIN, per_image("0.04")),
    (PLAIN, by_size(price("0.01", maxPixels=2**20), price("0.04"))),
    (PLAIN, per_token(table=[tokens(100)])),
    (PLAIN, per_token(table=every_size("low"))),
    (PLAIN, per_token(factors={"low": 16})),
    (LISTED, per_image("0.04")),
    (LISTED, by_size_quality(price("0.01", quality="low"), price("0.04", quality="high"))),
    (LISTED, by_size_quality(price("0.01", quality="low"), price("0.04"))),
    (LISTED, per_token(table=[*every_size("low"), *every_size("high")])),
    (LISTED, per_token(factors={"low": 16, "high": 96})),
    (BOUNDED, per_token(table=[tokens(9, quality="low", maxPixels=2**20), tokens(100)])),
]


@pytest.mark.parametrize(("model", "pricing"), COMPLETE)
def test_a_price_for_everything_that_a_client_can_ask_for_is_accepted(
    model: Manifest, pricing: Manifest
) -> None:
    assert messages(model, pricing) == []


INCOMPLETE = [
    pytest.param(
        PLAIN,
        by_size(price("0.01", maxPixels=2**20)),
        "prices must end with a row without maxPixels for every image, whatever its size",
        id="no last open row",
    ),
    pytest.param(
        LISTED,
        by_size_quality(price("0.01", quality="low"), price("0.04", quality="high", maxPixels=9)),
        "prices must end with a row without maxPixels for quality 'high', whatever its size",
        id="no last open row for a quality",
    ),
    pytest.param(
        LISTED,
        by_size_quality(price("0.01", quality="low")),
        "prices must end with a row without maxPixels for quality 'high', whatever its size",
        id="no row for a quality",
    ),
    pytest.param(
        LISTED,
        per_token(table=[*every_size("low"), *every_size("high")[:2]]),
        "every size that the model offers must have a row for quality 'high'",
        id="no tokens for a size",
    ),
    pytest.param(
        LISTED,
        per_token(table=every_size("low")),
        "every size that the model offers must have a row for quality 'high'",
        id="no tokens for a quality",
    ),
    pytest.param(
        PLAIN,
        per_token(table=[tokens(100, maxPixels=2**20)]),
        "every size that the model offers must have a row for every image",
        id="no tokens for large images",
    ),
    pytest.param(
        BOUNDED,
        per_token(table=[tokens(9, quality="low"), tokens(9, quality="high", maxPixels=2**22)]),
        "outputTokens.table must end with a row for any size for quality 'high'",
        id="no tokens for any size",
    ),
    pytest.param(
        LISTED,
        per_token(factors={"low": 16}),
        "outputTokens.factors must have a factor for quality 'high'",
        id="no factor for a quality",
    ),
]


@pytest.mark.parametrize(("model", "pricing", "message"), INCOMPLETE)
def test_an_active_binding_that_leaves_something_unpriced_is_refused(
    model: Manifest, pricing: Manifest, message: str
) -> None:
    assert messages(model, pricing) == [message]


@pytest.mark.parametrize(("model", "pricing", "message"), INCOMPLETE)
def test_an_inactive_binding_may_be_unpriced(
    model: Manifest, pricing: Manifest, message: str
) -> None:
    assert messages(model, pricing, active=False) == []


@pytest.mark.parametrize("usd", ["0", "0.000"])
def test_a_price_of_zero_is_a_price(usd: str) -> None:
    assert messages(PLAIN, per_image(usd)) == []
    assert messages(PLAIN, by_size(price(usd))) == []


def test_a_model_with_only_auto_still_needs_a_complete_price() -> None:
    model = image_model(parameters=qualities(auto="auto"))

    assert messages(model, by_size(price("0.01", maxPixels=2**20)))
    assert messages(model, per_token(table=every_size("low")[:2]))


@pytest.mark.parametrize(
    "pricing",
    [
        by_size_quality(price("0.01", quality="low"), price("0.04", quality="high")),
        per_token(table=[*every_size("low"), *every_size("high")]),
        per_token(factors={"low": 16, "high": 96}),
    ],
)
def test_a_model_that_takes_any_quality_needs_a_price_for_any(pricing: Manifest) -> None:
    model = image_model(parameters={"quality": {"handling": "Accept"}})

    assert messages(model, pricing)


def test_a_model_that_takes_any_quality_may_have_one_price_for_all() -> None:
    model = image_model(parameters={"quality": {"handling": "Accept"}})

    assert messages(model, by_size_quality(price("0.01", quality="low"), price("0.04"))) == []
    assert messages(model, per_token(table=[tokens(100)])) == []


def test_every_unpriced_quality_is_reported_in_a_fixed_order() -> None:
    names = ["high", "low", "max", "medium", "ultra", "xhigh"]
    model = image_model(parameters=qualities(**{name: name for name in reversed(names)}))

    assert messages(model, per_token(factors={"other": 1})) == [
        f"outputTokens.factors must have a factor for quality {name!r}" for name in names
    ]


def test_a_model_may_have_many_prices() -> None:
    compiled(PLAIN, provider_binding("one"), provider_binding("two", pricing=per_image("0.01")))
