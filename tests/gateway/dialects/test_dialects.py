"""How a dialect is found by its name."""

from typing import get_args

from tintype_catalog.provider_binding import Dialect as DialectName
from tintype_gateway.dialects import openai_images
from tintype_gateway.dialects.registry import dialect, streams, supports
from tintype_testing.builders import binding


def test_a_dialect_is_the_module_of_its_name() -> None:
    assert dialect("openai-images") is openai_images


def test_what_has_no_module_is_not_spoken() -> None:
    assert supports("openai-images")
    assert not supports("klingon-images")


def test_every_dialect_that_is_spoken_has_its_three_functions() -> None:
    for name in filter(supports, get_args(DialectName)):
        spoken = dialect(name)
        assert callable(spoken.translate)
        assert callable(spoken.interpret)
        assert callable(spoken.read_error)


def test_a_dialect_streams_where_it_says_so() -> None:
    streaming = {
        name for name in get_args(DialectName) if supports(name) and streams(binding(dialect=name))
    }
    assert streaming == {"openai-images", "google-generate-content"}
