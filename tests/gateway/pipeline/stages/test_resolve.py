"""Which model is meant, and who may serve it."""

import datetime
from typing import Any

import pytest

from tintype_catalog.catalog import Binding
from tintype_gateway.api.operations import GENERATION
from tintype_gateway.errors import BadRequestError, NotFoundError
from tintype_gateway.pipeline.stages.resolve import find_model, resolve
from tintype_gateway.values.routes import ForcedProvider, Target
from tintype_testing.builders import TODAY, snapshot
from tintype_testing.manifests import image_model, provider_binding

DIALECTS = {"openai": "openai-images", "bedrock": "bedrock-amazon", "gemini": "google-predict"}


def on(provider: str, model: str = "canvas", **spec: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"provider": provider, "dialect": DIALECTS[provider]}
    if provider == "bedrock":
        own["regions"] = ["us-east-1"]
    return provider_binding(f"{model}-{provider}", model=model, **own | spec)


KNOWN = snapshot(
    image_model("canvas", id="studio/canvas:1", aliases=["canvas", "sketch/one"]),
    on("openai", priority=1),
    on("bedrock", regions=["us-east-1", "eu-west-1"]),
    image_model("writer", outputModality={"image": False, "text": True}),
    image_model("old", lifecycle={"retiresOn": "2026-11-20", "replacement": "canvas"}),
    on("openai", "old"),
    image_model("bare"),
    image_model("retoucher", operations={"edit": {}}, supportedFeatures=["upscale"]),
    on("openai", "retoucher"),
)


def resolved(
    requested: str,
    forced: str | None = None,
    known: Any = KNOWN,
    today: datetime.date = TODAY,
    spoken: tuple[str, ...] = ("openai-images", "bedrock-amazon"),
) -> Target:
    header = None if forced is None else ForcedProvider("X-Tintype-Provider", forced)

    def supports(binding: Binding, operation: str) -> bool:
        return binding.dialect in spoken

    return resolve(
        requested, header, known.view(), operation=GENERATION, today=today, supports=supports
    )


def providers(target: Target) -> list[str]:
    return [route.binding.provider for route in target.routes]


def refusal(*args: Any, **kwargs: Any) -> tuple[int, str | None, str | None, str]:
    with pytest.raises((BadRequestError, NotFoundError)) as caught:
        resolved(*args, **kwargs)
    error = caught.value
    return error.status, error.code, error.param, error.message


@pytest.mark.parametrize(
    "requested",
    ["studio/canvas:1", "canvas", "sketch/one", "bedrock/canvas", "openai/sketch/one"],
)
def test_an_id_an_alias_and_a_prefix_lead_to_the_model(requested: str) -> None:
    target = resolved(requested)
    assert (target.model.name, target.requested) == ("canvas", requested)
    assert find_model(requested, KNOWN.view()) is target.model


def test_the_preferred_provider_comes_first() -> None:
    assert providers(resolved("canvas")) == ["bedrock", "bedrock", "openai"]


def test_an_alias_with_a_slash_forces_no_provider() -> None:
    assert providers(resolved("sketch/one")) == ["bedrock", "bedrock", "openai"]


@pytest.mark.parametrize("provider", ["openai", "bedrock"])
def test_prefix_and_header_force_a_provider(provider: str) -> None:
    assert set(providers(resolved(f"{provider}/canvas"))) == {provider}
    assert set(providers(resolved("canvas", provider))) == {provider}
    assert set(providers(resolved(f"{provider}/canvas", provider))) == {provider}


def test_prefix_and_header_must_agree() -> None:
    status, code, _, message = refusal("bedrock/canvas", "openai")
    assert (status, code) == (400, "conflicting_providers")
    assert "'bedrock'" in message
    assert "'openai'" in message


@pytest.mark.parametrize(
    "sent", ["azure", "Open AI", "", "openai ", "\udc93", "gemini", "x" * 9000]
)
def test_an_unknown_provider_names_the_header_its_value_and_the_allowed_ones(sent: str) -> None:
    status, code, param, message = refusal("canvas", sent)
    assert (status, code, param) == (400, "unknown_provider", "X-Tintype-Provider")
    assert message.startswith(f"the header X-Tintype-Provider is {sent!r:.70}: ")
    assert message.endswith("it must be one of bedrock, openai")


def test_the_case_of_a_header_does_not_matter() -> None:
    assert set(providers(resolved("canvas", "OpenAI"))) == {"openai"}


def test_the_error_of_an_unknown_provider_lists_only_those_that_the_caller_may_use() -> None:
    view = KNOWN.view(frozenset({"old"}))
    for sent in ("bedrock", "azure"):
        with pytest.raises(BadRequestError, match=r"it must be one of openai$"):
            resolve(
                "old",
                ForcedProvider("X-Quantized-Provider", sent),
                view,
                operation=GENERATION,
                today=datetime.date(2026, 1, 1),
                supports=lambda *_: True,
            )


@pytest.mark.parametrize(
    "requested",
    [
        "nothing",
        "azure/canvas",
        "openai/",
        "/canvas",
        "openai/bedrock/canvas",
        "",
        "Canvas",
        "canvas ",
    ],
)
def test_an_unknown_model_or_prefix_is_not_found(requested: str) -> None:
    status, code, param, message = refusal(requested)
    assert (status, code, param) == (404, "model_not_found", "model")
    assert repr(requested) in message
    with pytest.raises(NotFoundError):
        find_model(requested, KNOWN.view())


def test_a_forced_provider_must_have_a_binding_for_the_model() -> None:
    status, code, _, message = refusal("old", "bedrock", today=datetime.date(2026, 1, 1))
    assert (status, code) == (400, "provider_not_available")
    assert "openai does" in message


@pytest.mark.parametrize("provider", ["openai", None])
def test_a_model_without_images_is_refused_before_its_bindings_are_looked_at(
    provider: str | None,
) -> None:
    status, code, _, message = refusal("writer", provider)
    assert (status, code) == (400, "unsupported_modality")
    assert "does not make images" in message


def test_a_model_that_does_not_list_the_operation_is_refused() -> None:
    status, code, param, message = refusal("retoucher")
    assert (status, code, param) == (400, "unsupported_operation", "model")
    assert message == (
        "the model 'retoucher' does not support `image_generation`: its supported_features must "
        "hold `image_generation`, and are `image_edit`, `upscale`: use bare, studio/canvas:1, old"
    )


def test_a_model_is_served_until_the_day_it_retires() -> None:
    eve = datetime.date(2026, 11, 19)
    assert providers(resolved("old", today=eve)) == ["openai"]


@pytest.mark.parametrize("days", [0, 400])
def test_a_retired_model_names_its_day_and_its_replacement(days: int) -> None:
    status, code, _, message = refusal("old", today=TODAY + datetime.timedelta(days=days))
    assert (status, code) == (400, "no_active_providers")
    assert message.startswith("No active providers for the model 'old'")
    assert "retired on 2026-11-20: use 'canvas' instead" in message


def test_a_model_without_bindings_has_no_active_providers() -> None:
    status, code, _, message = refusal("bare")
    assert (status, code) == (400, "no_active_providers")
    assert "No active providers" in message


@pytest.mark.parametrize("off", [{"active": False}, {"weight": 0}, {"dialect": "google-predict"}])
def test_a_binding_that_is_disabled_or_of_an_unknown_dialect_is_not_used(
    off: dict[str, Any],
) -> None:
    known = snapshot(image_model(), on("openai", **off), on("bedrock"))
    assert providers(resolved("canvas", known=known)) == ["bedrock"]
    assert refusal("openai/canvas", known=known)[:2] == (400, "no_active_providers")


def test_a_model_that_the_caller_may_not_use_does_not_exist_for_it() -> None:
    view = KNOWN.view(frozenset({"old", "writer"}))
    with pytest.raises(NotFoundError) as caught:
        resolve("canvas", None, view, operation=GENERATION, today=TODAY, supports=lambda *_: True)

    assert caught.value.code == "model_not_found"


def test_a_replacement_that_the_caller_may_not_use_is_not_named() -> None:
    view = KNOWN.view(frozenset({"old"}))
    with pytest.raises(BadRequestError, match=r"retired on 2026-11-20$"):
        resolve("old", None, view, operation=GENERATION, today=TODAY, supports=lambda *_: True)


def test_an_allow_list_of_ids_applies_to_every_alias() -> None:
    allowed = {"studio/canvas:1"}

    for requested in ("canvas", "sketch/one", "bedrock/canvas"):
        assert find_model(requested, KNOWN.view(frozenset(allowed))).id in allowed
