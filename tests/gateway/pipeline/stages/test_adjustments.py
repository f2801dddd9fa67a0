"""The list of adjustments goes into a header: nothing else that a client sends may show there."""

import string
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.pipeline.stages.adapting import ACCEPT, STRIP, clamp, mapping
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.adapt import adapt
from tintype_testing.builders import snapshot, valid
from tintype_testing.manifests import PIXELS, image_model

HEADER_TEXT = frozenset(string.ascii_letters + string.digits + "_.->=")

known = snapshot(
    image_model(
        parameters={
            "quality": mapping(standard="medium", hd="high", low="low") | {"otherwise": "Strip"},
            "style": STRIP,
            "output_format": mapping(webp="png") | {"otherwise": "Strip"},
            "output_compression": clamp(10, 20),
            "seed": clamp(0, 1000),
            "negative_prompt": ACCEPT,
        },
        size=PIXELS,
        providerParameters={"config": ["quality", "seed", "width", "height", "text"], "look": []},
        equivalents={
            "config.quality": "quality",
            "config.seed": "seed",
            "config.width": "width",
            "config.height": "height",
            "config.text": "negative_prompt",
            "look": "style",
        },
    )
)

texts = st.text(max_size=20) | st.sampled_from(["hd", "hd\r\nSet-Cookie: a=b", "é", "a, b"])
seeds = st.integers(-(2**63), 2**63 - 1)
edges = st.integers(1, 99999)
fields = st.fixed_dictionaries(
    {},
    optional={
        "quality": st.sampled_from(["standard", "hd", "low", "medium"]),
        "style": st.sampled_from(["vivid", "natural"]),
        "output_format": st.sampled_from(["png", "jpeg", "webp"]),
        "output_compression": st.integers(0, 100),
        "seed": seeds,
        "negative_prompt": texts,
        "user": texts,
        "size": st.builds(lambda width, height: f"{width}x{height}", edges, edges),
        "look": texts,
    },
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "quality": texts | json_values,
        "seed": seeds | json_values,
        "width": st.integers(1, 65535) | json_values,
        "height": st.integers(1, 65535) | json_values,
        "text": texts | json_values,
    },
)


def adjustments(**given: Any) -> tuple[str, ...]:
    return adapt(valid(known, **given), known.models["canvas"], "lenient").adjustments


def check(made: tuple[str, ...]) -> None:
    assert HEADER_TEXT.issuperset("".join(made))
    assert sum(map(len, made)) < 500


@given(fields)
def test_any_request_is_adjusted_in_words_that_are_safe_in_a_header(given: dict[str, Any]) -> None:
    with suppress(UnsupportedParameterError):
        check(adjustments(**given))


@given(configs)
def test_so_are_provider_parameters_that_mean_a_standard_field(config: dict[str, Any]) -> None:
    with suppress(UnsupportedParameterError):
        check(adjustments(config=config))


@given(seeds, st.sampled_from(["standard", "hd"]), edges)
def test_every_change_is_listed_once(seed: int, quality: str, edge: int) -> None:
    made = adjustments(seed=seed, quality=quality, size=f"{edge}x{edge}", style="vivid")
    changed = {"quality", "style"}
    changed |= {"seed"} if not 0 <= seed <= 1000 else set()
    changed |= {"size"} if edge % 16 or not 816 <= edge <= 2880 else set()
    assert sorted(entry.partition("=")[0] for entry in made) == sorted(changed)
