"""The input of a hosted model, as `input` of a binding describes it."""

from typing import Any

import pytest

from tests.gateway.dialects.hosted import EDITS, edit_of, hosted_route
from tests.gateway.dialects.inputs import fake_input
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.hosted_models import generated, model_input
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream_body import json_body
from tintype_testing.builders import job

WIDE = SizeChoice(Size(1344, 768), "16:9")


def sent(wish: Job, number: int = 1, **given: Any) -> dict[str, Any]:
    """Return the input for a job, by the fields of a binding."""
    return model_input(wish, hosted_route("fal", "fal-ai/flux/dev", **given), number)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"size": "ImageSize"}, {"image_size": {"width": 1344, "height": 768}}),
        ({"size": "WidthHeight"}, {"width": 1344, "height": 768}),
        (
            {
                "size": "AspectRatio",
                "of": {"size": {"mode": "AspectRatio", "ratios": {"16:9": "1344x768"}}},
            },
            {"aspect_ratio": "16:9"},
        ),
        ({"size": "Omit", "of": {"size": {"mode": "None"}}}, {}),
    ],
)
def test_the_size_has_the_form_of_the_model(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert sent(job(size=WIDE), **given) == {"prompt": "A hedgehog"} | expected


@pytest.mark.parametrize("form", ["ImageSize", "WidthHeight"])
def test_a_size_that_the_provider_chooses_is_not_sent(form: str) -> None:
    assert sent(job(size=SizeChoice()), size=form) == {"prompt": "A hedgehog"}


def test_the_number_of_images_has_the_field_of_the_model() -> None:
    document = sent(job(), 3, count="num_outputs")

    assert document["num_outputs"] == 3


def test_what_speaks_of_the_client_is_not_sent() -> None:
    document = sent(job(seed=7, user="someone", safety_identifier="someone"))

    assert document["seed"] == 7
    assert "someone" not in document.values()


def test_defaults_of_the_binding_go_before_what_clients_send() -> None:
    wish = job(extras={"num_inference_steps": 50, "guidance_scale": 3})

    document = sent(wish, defaults={"num_inference_steps": 4})

    assert (document["num_inference_steps"], document["guidance_scale"]) == (4, 3)


def test_one_image_is_a_data_url() -> None:
    document = sent(edit_of(fake_input(b"file")), images={"field": "image_url"})

    assert b"".join(json_body(document["image_url"]).chunks()) == (
        b'"data:image/png;base64,ZmlsZQ=="'
    )


def test_several_images_and_the_mask_are_in_their_order() -> None:
    photos, mask = [fake_input(b"one"), fake_input(b"two")], fake_input(b"hole")

    document = sent(
        edit_of(*photos, mask=mask),
        images={"field": "image_urls", "form": "List"},
        mask={"field": "mask_url", "convention": "white_edits"},
        of=EDITS,
    )

    assert [file.content for file in document["image_urls"]] == [each.content for each in photos]
    assert document["mask_url"].content == mask.content


def test_an_edit_without_a_prompt_sends_none() -> None:
    assert "prompt" not in sent(job(prompt=""))


def test_an_output_is_a_url_or_a_data_url() -> None:
    assert generated("https://v3.fal.media/files/a.png").url == "https://v3.fal.media/files/a.png"
    assert generated("data:image/png;base64,AAAA").base64 == b"AAAA"


@pytest.mark.parametrize("output", [None, "", 7, {"url": "x"}, "data:image/png;base64,<svg>"])
def test_another_output_is_refused(output: object) -> None:
    with pytest.raises(ValueError, match="image"):
        generated(output)
