"""What is sent to Google's Gemini image models."""

from typing import Any

from tests.gateway.dialects.google_responses import CREDENTIALS, GEMINI
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.google.generate_content import translate
from tintype_testing.builders import job, route
from tintype_testing.manifests import per_image, per_token, tokens
from tintype_testing.upstream_requests import sent_json

SQUARE = SizeChoice(Size(1024, 1024), "1:1", "1K")


def body(*, images: int = 1, asked: dict[str, Any] | None = None, **spec: Any) -> Any:
    wish = job(**{"size": SQUARE} | (asked or {}))
    return sent_json(translate(wish, route(**GEMINI | spec), images, CREDENTIALS))


def config(**fields: Any) -> Any:
    return body(**fields)["generationConfig"]


def test_a_plain_request_names_prompt_ratio_resolution_and_limit() -> None:
    assert body() == {
        "contents": [{"role": "user", "parts": [{"text": "A hedgehog"}]}],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "candidateCount": 1,
            "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"},
            "maxOutputTokens": 1120 + 4096,
        },
    }


def test_it_goes_to_the_method_of_the_model() -> None:
    sent = translate(job(size=SQUARE), route(**GEMINI), 1, CREDENTIALS)

    host = "https://generativelanguage.googleapis.com"
    assert sent.url == f"{host}/v1beta/models/gemini-3.1-flash-image:generateContent"


def test_a_model_of_one_resolution_is_asked_for_none() -> None:
    size = SizeChoice(Size(1344, 768), "16:9")

    assert config(asked={"size": size})["imageConfig"] == {"aspectRatio": "16:9"}


def test_an_open_size_is_not_spoken_of() -> None:
    assert "imageConfig" not in config(asked={"size": SizeChoice()})


def test_the_limit_of_tokens_follows_the_size() -> None:
    small = SizeChoice(Size(512, 512), "1:1", "512")

    assert config(asked={"size": small})["maxOutputTokens"] == 747 + 4096


def test_an_open_size_has_the_limit_of_the_largest() -> None:
    assert config(asked={"size": SizeChoice()})["maxOutputTokens"] == 1120 + 4096


def test_a_price_without_other_tokens_sets_no_limit() -> None:
    for pricing in (per_image("0.04"), per_token(table=[tokens(1120)])):
        assert "maxOutputTokens" not in config(pricing=pricing)


def test_a_seed_is_passed_on() -> None:
    assert config(asked={"seed": 7})["seed"] == 7


def test_parameters_that_the_protocol_has_no_word_for_are_left_out() -> None:
    unknown = {"user": "u-1", "safety_identifier": "s-1", "quality": "high"}

    assert body(asked=unknown) == body()


def test_provider_parameters_placeholder_the_configuration_or_beside_it() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
    extras = {"temperature": 0.4, "safetySettings": settings}

    sent = body(asked={"extras": extras})

    assert sent["safetySettings"] == settings
    assert sent["generationConfig"] == config() | {"temperature": 0.4}


def test_provider_parameters_are_merged_deeply() -> None:
    extras = {"imageConfig": {"personGeneration": "ALLOW_NONE"}}

    assert config(asked={"extras": extras})["imageConfig"] == {
        "aspectRatio": "1:1",
        "imageSize": "1K",
        "personGeneration": "ALLOW_NONE",
    }


def test_provider_parameters_cannot_replace_the_gateways_fields() -> None:
    contents = [{"parts": [{"text": "something else"}]}]
    extras = {
        "contents": contents,
        "model": "gemini-3-pro-image",
        "candidateCount": 8,
        "responseModalities": ["TEXT"],
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "4K"},
        "maxOutputTokens": 30_000,
        "seed": 8,
        "api-key": "other",
        "x-goog-api-key": "other",
    }
    wish = job(size=SQUARE, seed=7, extras=extras)

    sent = translate(wish, route(**GEMINI), 1, CREDENTIALS)

    replaced, plain = sent_json(sent), body(asked={"seed": 7})
    assert replaced["contents"] == plain["contents"]
    assert set(replaced) == set(plain)
    assert replaced["generationConfig"] | plain["generationConfig"] == replaced["generationConfig"]
    assert sent.url.endswith("gemini-3.1-flash-image:generateContent")
    assert sent.headers["x-goog-api-key"] == CREDENTIALS["api-key"]


def test_any_prompt_arrives_to_the_letter() -> None:
    prompt = 'Ein "Igel" \\ 🦔\n\0\u2028'

    assert body(asked={"prompt": prompt})["contents"][0]["parts"] == [{"text": prompt}]
