"""Whether a response comes as a stream, and how many previews a provider is asked for."""

from typing import Any

import pytest

from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.select_routes import stream
from tintype_gateway.values.job import Job
from tintype_testing.builders import job, valid


def streamed(native: bool, strict: bool = False, **fields: Any) -> Job:
    return stream(job(), valid(**fields).fields, native=native, strict=strict)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("fields", [{}, {"stream": False}, {"partial_images": 0}])
def test_a_plain_request_stays_as_it_is(native: bool, fields: dict[str, Any]) -> None:
    assert streamed(native, **fields) == job()


@pytest.mark.parametrize("partial_images", [0, 1, 3])
def test_a_provider_that_streams_is_asked_for_a_stream(partial_images: int) -> None:
    asked = streamed(True, stream=True, partial_images=partial_images)

    assert asked == job(streamed=True, partial_images=partial_images)


def test_a_provider_that_does_not_is_asked_as_usual() -> None:
    assert streamed(False, stream=True) == job()


def test_previews_that_no_provider_sends_are_an_adjustment() -> None:
    asked = streamed(False, stream=True, partial_images=2)

    assert asked == job(adjustments=("partial_images=stripped",))


def test_previews_that_no_provider_sends_are_refused_under_strict_handling() -> None:
    with pytest.raises(UnsupportedParameterError) as refusal:
        streamed(False, strict=True, stream=True, partial_images=2)

    assert refusal.value.param == "partial_images"


@pytest.mark.parametrize("native", [True, False])
def test_no_previews_are_never_an_adjustment(native: bool) -> None:
    asked = streamed(native, strict=True, stream=True, partial_images=0)

    assert asked.adjustments == ()
