"""Who can stand in for the first way."""

from functools import partial
from typing import Any

import pytest

from tintype_catalog.catalog import Binding
from tintype_gateway.dialects.registry import mask_convention
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.select_routes import able, choose
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Candidate
from tintype_testing.builders import candidate, job

BEDROCK = {"provider": "bedrock", "regions": ["us-east-1"]}
OPENAI = candidate(name="openai")
OTHER = candidate(name="other")
AMAZON = candidate("us-east-1", name="amazon", dialect="bedrock-amazon", **BEDROCK)


def chosen(*candidates: Candidate, asked: Job | None = None, most: int = 3) -> list[str]:
    def streams(binding: Binding) -> bool:
        return binding.provider == "openai"

    return [each.route.binding.name for each in choose(candidates, asked or job(), streams, most)]


def test_a_plain_request_can_be_served_by_every_dialect() -> None:
    assert chosen(OPENAI, AMAZON, OTHER) == ["openai", "amazon", "other"]


def test_provider_parameters_are_for_one_dialect_only() -> None:
    assert chosen(OPENAI, AMAZON, OTHER, asked=job(extras={"moderation": "low"})) == [
        "openai",
        "other",
    ]


def test_a_providers_own_stream_is_for_those_that_stream() -> None:
    assert chosen(OPENAI, AMAZON, OTHER, asked=job(streamed=True)) == ["openai", "other"]


def test_without_native_streams_any_provider_can_serve_a_stream() -> None:
    assert chosen(AMAZON, OPENAI) == ["amazon", "openai"]


def test_no_more_candidates_are_kept_than_can_be_tried() -> None:
    assert chosen(OPENAI, AMAZON, OTHER, most=2) == ["openai", "amazon"]


def server(name: str, **api: Any) -> Candidate:
    return candidate(name=name, credentials={"none": True}, api=api)


def ables(*candidates: Candidate, asked: Job, masked: bool = False) -> list[str]:
    convention = partial(mask_convention, task=None) if masked else None
    return [each.route.binding.name for each in able(candidates, asked, convention)]


def test_a_request_goes_where_all_of_it_is_taken() -> None:
    asked = job(extras={"lora": "sketch"})
    listed, careful = server("listed", allowedFields=["lora"]), server("careful")

    assert ables(careful, listed, OPENAI, asked=asked) == ["listed", "openai"]


def test_a_field_that_no_server_takes_is_refused_by_its_path() -> None:
    asked = job(extras={"nvext": {"lora_path": "/weights"}})

    with pytest.raises(UnsupportedParameterError, match="does not take it") as caught:
        ables(server("careful"), asked=asked)
    assert caught.value.param == "nvext.lora_path"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"prompt": "a cat <sd_cpp_extra_args>{}</sd_cpp_extra_args>"}, "prompt"),
        ({"negative_prompt": "sd_cpp_extra_args"}, "negative_prompt"),
        ({"prompt": "a cat | dogs"}, "prompt"),
    ],
)
def test_a_prompt_that_a_server_would_read_as_settings_is_refused(
    asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(UnsupportedParameterError, match="would not read as text") as caught:
        ables(server("local", refusedInPrompts=["|"]), asked=job(**asked))
    assert caught.value.param == param


def test_hosted_providers_get_any_prompt() -> None:
    assert ables(OPENAI, asked=job(prompt="sd_cpp_extra_args")) == ["openai"]


@pytest.mark.parametrize(
    ("extras", "param"),
    [
        ({"storageUri": "gs://bucket"}, "storageUri"),
        ({"imageConfig": {"output": [{"gcsUri": "gs://bucket"}]}}, "imageConfig.output.gcsUri"),
    ],
)
def test_vertex_ai_gets_no_field_that_names_a_bucket(extras: dict[str, Any], param: str) -> None:
    vertex: dict[str, Any] = {"dialect": "vertex-predict", "vertexAi": {"project": "studio"}}

    with pytest.raises(UnsupportedParameterError, match="does not take it") as caught:
        ables(candidate(name="vertex", **vertex), asked=job(extras=extras))
    assert caught.value.param == param


def test_a_mask_goes_to_those_that_read_it_alike() -> None:
    white = {"convention": "white_edits"}
    candidates = (server("none"), server("white", mask=white), OPENAI, server("w2", mask=white))

    assert ables(*candidates, asked=job(), masked=True) == ["white", "w2"]
    assert len(ables(*candidates, asked=job())) == 4


def test_a_mask_that_no_provider_takes_is_refused() -> None:
    with pytest.raises(UnsupportedParameterError, match="no provider of the model takes one"):
        ables(server("none"), asked=job(), masked=True)


@pytest.mark.parametrize(
    ("extras", "path"),
    [
        ({"storage_options": {"filename": "fox.png"}}, "storage_options"),
        ({"public_url": True}, "public_url"),
        ({"image": {"url": "https://example.com"}}, "image"),
        ({"options": {"public_url": {}}}, "options.public_url"),
    ],
)
def test_xai_gets_no_field_that_publishes_or_fetches_an_image(
    extras: dict[str, Any], path: str
) -> None:
    xai = candidate(name="xai", dialect="xai-images", provider="xai")

    with pytest.raises(UnsupportedParameterError) as caught:
        able([xai], job(extras=extras), None)

    assert caught.value.param == path
    assert able([xai], job(extras={"enhance": True}), None) == [xai]
