"""How much a model takes, and what fills the gaps of a request."""

from typing import Any

import pytest

from tests.gateway.pipeline.stages.adapting import ACCEPT, adapted, clamp, mapping, refusal
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_testing.manifests import image_model

HANDLINGS: list[Handling] = ["lenient", "strict"]
SMALL = image_model(limits={"maxImagesPerRequest": 4, "maxPromptCharacters": 10})
RULES = {
    "quality": mapping(hd="high", low="low"),
    "seed": clamp(0, 9),
    "style": {"handling": "Strip"},
}


def with_defaults(**defaults: Any) -> dict[str, Any]:
    return image_model(parameters=RULES, defaults=defaults, providerParameters={"cfg": []})


def test_a_prompt_and_a_number_at_the_limit_are_taken() -> None:
    job = adapted(SMALL, prompt="🦔" * 10, n=4)
    assert (job.prompt, job.images) == ("🦔" * 10, 4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "x" * 11}, "`prompt` has 11 characters: this model takes at most 10"),
        ({"n": 5}, "`n` has 5 images: this model takes at most 4"),
    ],
)
def test_more_than_the_limit_is_refused(fields: dict[str, Any], message: str) -> None:
    (name,) = fields
    assert refusal(SMALL, **fields) == (name, "unsupported_value", message)


@pytest.mark.parametrize("handling", HANDLINGS)
def test_a_default_is_adapted_like_a_value_and_is_no_adjustment(handling: Handling) -> None:
    model = with_defaults(quality="hd", seed=20, style="vivid", size="1000x1000")
    job = adapted(model, handling)
    assert job.parameters == {"quality": "high", "seed": 9}
    assert (str(job.size.size), job.adjustments) == ("1024x1024", ())


def test_a_request_goes_before_the_server_and_the_server_before_the_model() -> None:
    model = with_defaults(quality="hd", seed=1, cfg={"a": 1, "b": 1, "c": 1})
    job = adapted(
        model,
        server_defaults={"quality": "low", "seed": 2, "cfg": {"b": 2, "c": 2}},
        seed=3,
        cfg={"c": 3},
    )
    assert job.parameters == {"quality": "low", "seed": 3}
    assert job.extras == {"cfg": {"a": 1, "b": 2, "c": 3}}


def test_a_default_size_of_the_server_is_no_adjustment() -> None:
    job = adapted(image_model(), "strict", server_defaults={"size": "1500x1000"})
    assert (str(job.size.size), job.adjustments) == ("1536x1024", ())


@pytest.mark.parametrize(
    "defaults", [{"size": "big"}, {"seed": "1"}, {"quality": 1}, {"typo": 1}, {"n": 2}]
)
def test_a_servers_default_that_no_request_could_carry_is_refused_by_its_name(
    defaults: dict[str, Any],
) -> None:
    with pytest.raises(UnsupportedParameterError, match="DEFAULT_MODEL_PARAMS") as caught:
        adapted(image_model(), server_defaults=defaults)
    assert [caught.value.param] == list(defaults)


def test_a_default_compression_without_a_lossy_format_is_left_out() -> None:
    model = image_model(
        parameters={"output_format": ACCEPT, "output_compression": ACCEPT},
        defaults={"output_compression": 80},
    )
    assert adapted(model, "strict").parameters == {}
    assert adapted(model, "strict", output_format="webp").parameters == {
        "output_format": "webp",
        "output_compression": 80,
    }
