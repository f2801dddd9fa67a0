import pytest
from openai import AsyncOpenAI, AuthenticationError, NotFoundError

from tintype_simulator.openai.models import MODELS
from tintype_testing.simulators import fault

RETIRED_OR_ANNOUNCED = {
    "dall-e-2": "2026-05-12",
    "dall-e-3": "2026-05-12",
    "gpt-image-1": "2026-10-23",
    "gpt-image-1-mini": "2026-12-01",
    "gpt-image-1.5": "2026-12-01",
    "chatgpt-image-latest": "2026-12-01",
}


async def test_retired_models_are_listed_with_the_others(client: AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]

    assert {model.id for model in models} == set(MODELS)
    assert {m.id: m.shutdown_date for m in models if m.shutdown_date} == RETIRED_OR_ANNOUNCED


async def test_a_model_is_described_by_its_id(client: AsyncOpenAI) -> None:
    model = await client.models.retrieve("gpt-image-2")

    assert model.to_dict() == {
        "id": "gpt-image-2",
        "object": "model",
        "created": 1776729600,
        "owned_by": "system",
        "shutdown_date": None,
    }


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        await client.models.retrieve("gpt-image-9")

    assert refused.value.code == "model_not_found"


async def test_the_list_needs_a_key(client: AsyncOpenAI) -> None:
    with pytest.raises(AuthenticationError):
        await client.with_options(api_key="invalid").models.list()


async def test_faults_apply_to_the_list(client: AsyncOpenAI) -> None:
    with pytest.raises(AuthenticationError):
        await client.models.list(extra_headers=fault(error="openai/invalid_api_key"))
