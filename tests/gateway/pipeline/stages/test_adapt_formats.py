"""Which format a provider is asked for, and which one the client gets."""

from typing import Any

import pytest

from tests.gateway.pipeline.stages.adapting import (
    ACCEPT,
    REJECT,
    adapted,
    clamp,
    mapping,
    refusal,
    with_rules,
)
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.values.job import Encoding
from tintype_testing.manifests import Manifest, image_model

HANDLINGS: list[Handling] = ["lenient", "strict"]
ANY = with_rules(output_format=ACCEPT, output_compression=ACCEPT)
NO_COMPRESSION = with_rules(output_format=mapping(png="png", jpeg="jpeg"))


def test_the_default_format_is_that_of_the_model() -> None:
    job = adapted(ANY)
    assert (job.parameters, job.encoding) == ({}, None)


@pytest.mark.parametrize("handling", HANDLINGS)
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_a_provider_that_has_the_format_is_asked_for_it(form: Any, handling: Handling) -> None:
    job = adapted(ANY, handling, output_format=form)
    assert job.parameters == {"output_format": form}
    assert job.encoding == Encoding(form, by_provider=True)


@pytest.mark.parametrize("handling", HANDLINGS)
@pytest.mark.parametrize("model", [image_model(), NO_COMPRESSION, with_rules(seed=ACCEPT)])
def test_every_other_model_gives_it_too_and_that_is_no_adjustment(
    model: Manifest, handling: Handling
) -> None:
    job = adapted(model, handling, output_format="webp", output_compression=70)
    assert (job.parameters, job.adjustments) == ({}, ())
    assert job.encoding == Encoding("webp", 70)


def test_a_format_goes_by_the_providers_name_for_it() -> None:
    job = adapted(with_rules(output_format=mapping(jpeg="JPEG")), output_format="jpeg")
    assert (job.parameters, job.adjustments) == ({"output_format": "JPEG"}, ())
    assert job.encoding == Encoding("jpeg", by_provider=True)


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_a_provider_that_compresses_is_asked_to(form: Any) -> None:
    job = adapted(ANY, "strict", output_compression=0, output_format=form)
    assert job.parameters == {"output_format": form, "output_compression": 0}
    assert job.encoding == Encoding(form, 0, by_provider=True)


def test_one_that_cannot_is_asked_for_its_own_format_which_loses_nothing() -> None:
    job = adapted(NO_COMPRESSION, "strict", output_compression=50, output_format="jpeg")
    assert (job.parameters, job.encoding) == ({}, Encoding("jpeg", 50))


def test_a_compression_is_moved_into_the_providers_range() -> None:
    model = with_rules(output_format=ACCEPT, output_compression=clamp(10, 90))
    job = adapted(model, output_format="jpeg", output_compression=5)
    assert job.parameters["output_compression"] == 10
    assert job.adjustments == ("output_compression=5->10",)


@pytest.mark.parametrize("model", [ANY, image_model()])
@pytest.mark.parametrize("form", [None, "png"])
def test_compression_of_a_lossless_image_is_stripped(model: Manifest, form: str | None) -> None:
    fields: dict[str, Any] = {"output_compression": 50, "output_format": form}
    job = adapted(model, **fields)
    assert "output_compression" not in job.parameters
    assert job.encoding is None or job.encoding.compression is None
    assert job.adjustments == ("output_compression=stripped",)
    assert refusal(model, "strict", **fields)[0] == "output_compression"


@pytest.mark.parametrize("name", ["output_format", "output_compression"])
def test_a_model_may_refuse_either(name: str) -> None:
    model = with_rules(**{name: REJECT})
    param, code, _ = refusal(model, output_format="jpeg", output_compression=50)
    assert (param, code) == (name, "unsupported_parameter")


def test_a_default_of_the_model_is_converted_to_as_well() -> None:
    model = image_model(defaults={"output_format": "jpeg", "output_compression": 80})
    assert adapted(model).encoding == Encoding("jpeg", 80)
    assert adapted(model, output_format="webp").encoding == Encoding("webp", 80)


def test_a_field_of_the_provider_that_means_the_format_is_converted_to_as_well() -> None:
    model = image_model(providerParameters={"fmt": []}, equivalents={"fmt": "output_format"})
    assert adapted(model, fmt="webp").encoding == Encoding("webp")
    assert refusal(model, fmt="tiff")[:2] == ("output_format", "unsupported_value")


VECTORS = with_rules(
    output_format=mapping(png="png", gif="gif", svg="svg"), output_compression=ACCEPT
)


@pytest.mark.parametrize("form", ["gif", "svg"])
def test_gif_and_svg_are_asked_for_where_the_model_lists_them(form: Any) -> None:
    job = adapted(VECTORS, "strict", output_format=form)
    assert job.parameters == {"output_format": form}
    assert job.encoding == Encoding(form, by_provider=True)


@pytest.mark.parametrize("model", [ANY, image_model(), NO_COMPRESSION])
@pytest.mark.parametrize("form", ["gif", "svg"])
def test_gif_and_svg_are_refused_elsewhere_since_nothing_is_converted_to_them(
    model: Manifest, form: str
) -> None:
    param, code, message = refusal(model, output_format=form)
    assert (param, code) == ("output_format", "unsupported_value")
    assert "gives png, jpeg, webp" in message


def test_neither_can_be_compressed() -> None:
    job = adapted(VECTORS, output_format="svg", output_compression=50)
    assert job.parameters == {"output_format": "svg"}
    assert job.adjustments == ("output_compression=stripped",)
