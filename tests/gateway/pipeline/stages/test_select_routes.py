"""Who can stand in for the first way."""

from tintype_catalog.catalog import Binding
from tintype_gateway.pipeline.stages.select_routes import choose
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
