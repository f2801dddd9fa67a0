from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.aws import CORE, NOVA, TITAN, amazon, called, error_of, home, invoked, refused
from tintype_simulator.bedrock.models import MODELS
from tintype_simulator.bedrock.stability_bodies import SERVICES

INVALID = (400, "ValidationException", "The provided model identifier is invalid.")


async def listed(simulator: str, region: str = "us-west-2", **filters: str) -> list[Any]:
    """Return the summaries of the models of a region."""

    def call(client: Any) -> Any:
        return client.list_foundation_models(**filters)["modelSummaries"]

    summaries: list[Any] = await called(simulator, call, service="bedrock", region=region)
    return summaries


async def described(simulator: str, model: str) -> Any:
    """Return the details of a model."""

    def call(client: Any) -> Any:
        return client.get_foundation_model(modelIdentifier=model)["modelDetails"]

    return await called(simulator, call, service="bedrock")


def body_for(model: str) -> dict[str, Any]:
    """Return the smallest body that a model takes."""
    return {"prompt": "a red fox"} if model.startswith("stability") else amazon()


async def test_a_region_lists_the_models_that_it_has(simulator: str) -> None:
    for region in ("us-west-2", "us-east-1", "eu-west-1", "ap-northeast-1", "sa-east-1"):
        expected = {name for name, model in MODELS.items() if region in model.regions}

        assert {summary["modelId"] for summary in await listed(simulator, region)} == expected


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"byProvider": "Amazon"}, {TITAN}),
        ({"byProvider": "stability ai"}, {m for m in MODELS if m.startswith("stability.")}),
        ({"byOutputModality": "TEXT"}, set()),
        ({"byInferenceType": "PROVISIONED"}, set()),
        ({"byCustomizationType": "FINE_TUNING"}, set()),
        (
            {"byProvider": "Amazon", "byOutputModality": "IMAGE", "byInferenceType": "ON_DEMAND"},
            {TITAN},
        ),
    ],
)
async def test_the_list_is_filtered(
    simulator: str, filters: dict[str, str], found: set[str]
) -> None:
    assert {summary["modelId"] for summary in await listed(simulator, **filters)} == found


async def test_a_model_is_described_by_its_id_and_by_its_arn(simulator: str) -> None:
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}"

    by_id, by_arn = [await described(simulator, name) for name in (CORE, arn)]

    assert by_id == by_arn
    assert by_id == {
        "modelArn": arn,
        "modelId": CORE,
        "modelName": "Stable Image Core 1.1",
        "providerName": "Stability AI",
        "inputModalities": ["TEXT"],
        "outputModalities": ["IMAGE"],
        "responseStreamingSupported": False,
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


async def test_models_past_the_end_of_their_life_are_offered_as_legacy(simulator: str) -> None:
    models = await listed(simulator, "us-east-1", byProvider="Amazon")

    assert {model["modelId"]: model["modelLifecycle"]["status"] for model in models} == {
        TITAN: "LEGACY",
        NOVA: "LEGACY",
    }


async def test_an_unknown_model_is_not_described(simulator: str) -> None:
    with pytest.raises(ClientError) as raised:
        await described(simulator, "stability.unheard-of-v1:0")

    assert error_of(raised.value) == INVALID


async def test_a_model_can_be_called_in_its_regions_only(simulator: str) -> None:
    for name, model in MODELS.items():
        called_id = f"us.{name}" if model.service else name
        assert await refused(simulator, called_id, body_for(name), region="sa-east-1") == INVALID
        assert home(name) in model.regions


@pytest.mark.parametrize(
    ("model", "region"),
    [(TITAN, "eu-west-1"), (NOVA, "us-west-2"), (CORE, "us-east-1")],
)
async def test_the_region_of_another_model_is_not_enough(
    simulator: str, model: str, region: str
) -> None:
    assert await refused(simulator, model, body_for(model), region=region) == INVALID


@pytest.mark.parametrize(
    "identifier",
    [
        f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}",
        f"us.{CORE}",
        f"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.{CORE}",
    ],
)
async def test_a_model_is_called_by_arn_and_by_inference_profile_too(
    simulator: str, identifier: str
) -> None:
    response = await invoked(simulator, identifier, {"prompt": "a red fox"})

    assert response == await invoked(simulator, CORE, {"prompt": "a red fox"})


@pytest.mark.parametrize("identifier", ["stability.sd9-v1:0", "us.amazon.sketch-v1:0", "fox"])
async def test_an_unknown_model_is_an_invalid_identifier(simulator: str, identifier: str) -> None:
    assert await refused(simulator, identifier, amazon(), region="us-east-1") == INVALID


@pytest.mark.parametrize("service", SERVICES)
async def test_an_image_service_cannot_be_called_by_its_own_id(
    simulator: str, service: str
) -> None:
    model = f"stability.{service}-v1:0"

    status, code, message = await refused(simulator, model, {"prompt": "a red fox"})

    assert (status, code) == (400, "ValidationException")
    assert f"model ID {model} with on-demand throughput isn’t supported" in message  # noqa: RUF001


@pytest.mark.parametrize("profile", ["eu", "apac", "global"])
async def test_an_image_service_has_no_profile_but_that_of_the_usa(
    simulator: str, profile: str
) -> None:
    model = f"{profile}.stability.stable-image-inpaint-v1:0"

    assert await refused(simulator, model, {"prompt": "a red fox"}) == INVALID


async def test_the_list_says_that_an_image_service_is_called_by_inference_profile(
    simulator: str,
) -> None:
    found = {
        summary["modelId"]: summary["inferenceTypesSupported"]
        for summary in await listed(simulator, "us-east-2")
    }

    assert found == {f"stability.{name}-v1:0": ["INFERENCE_PROFILE"] for name in SERVICES}
