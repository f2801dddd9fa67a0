"""What a response of Google's Imagen models means."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.dialects.google_responses import LARGE, SMALL, imagen_response
from tests.gateway.images.documents import documents
from tintype_gateway.dialects.google.predict import interpret
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_testing.builders import upstream_response

REASON = {"raiFilteredReason": "Unable to show generated images. Support codes: 29310472"}
REMARK = {"safetyAttributes": {"categories": [], "scores": []}, "contentType": "Positive Prompt"}


def fault_of(content: object) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        interpret(upstream_response(content))
    return fault.value


def test_every_image_is_read_in_its_order() -> None:
    result = interpret(upstream_response(imagen_response(SMALL, "QUJD")))

    images = (GeneratedImage(SMALL.encode()), GeneratedImage(b"QUJD"))
    assert result == CallResult(images=images, rest_refused=True)


def test_an_image_is_a_view_of_the_response() -> None:
    upstream = upstream_response(imagen_response(LARGE, LARGE))

    for image in interpret(upstream).images:
        assert isinstance(image.base64, memoryview)
        assert image.base64.obj is upstream.body


@pytest.mark.parametrize("prompt", ["A hedgehog, in oil", "Ein Igel 🦔" * 1000])
def test_a_rewritten_prompt_is_the_revised_one(prompt: str) -> None:
    [image] = interpret(upstream_response(imagen_response(SMALL, prompt=prompt))).images

    assert image.revised_prompt == prompt


def test_safety_attributes_of_an_image_do_not_hide_it() -> None:
    assert len(interpret(upstream_response(imagen_response(SMALL, **REMARK))).images) == 1


@pytest.mark.parametrize(
    ("predictions", "images", "reasons"),
    [
        ([REASON], 0, 1),
        ([REASON, REASON], 0, 2),
        ([], 0, 0),
        ([REMARK], 0, 0),
        ([REASON, *imagen_response(SMALL)["predictions"], REMARK], 1, 1),
        ([REASON, *imagen_response(SMALL, **REASON)["predictions"], REMARK], 1, 1),
        ([{"raiFilteredReason": None}], 0, 0),
    ],
)
def test_missing_images_count_as_refused(predictions: list[Any], images: int, reasons: int) -> None:
    result = interpret(upstream_response({"predictions": predictions}))

    assert (len(result.images), result.rest_refused) == (images, True)
    assert result.refusal_reasons == (REASON["raiFilteredReason"],) * reasons


def test_an_empty_object_says_that_all_images_were_filtered() -> None:
    assert interpret(upstream_response({})) == CallResult(images=(), rest_refused=True)


def test_base64_of_any_kind_comes_out_standard() -> None:
    text = base64.urlsafe_b64encode(base64.b64decode(SMALL)).decode().rstrip("=")

    [image] = interpret(upstream_response(imagen_response(text))).images

    assert image.base64 == SMALL.encode()


@pytest.mark.parametrize(
    "content",
    [
        {"error": {"code": 500}},
        {"predictions": None},
        {"predictions": {"bytesBase64Encoded": SMALL}},
        {"predictions": LARGE},
        {"predictions": [SMALL]},
        {"predictions": [LARGE]},
        {"predictions": [{}]},
        {"predictions": [{"gcsUri": "gs://bucket/1.png"}]},
        {"predictions": [{"bytesBase64Encoded": None}]},
        {"predictions": [{"bytesBase64Encoded": 7}]},
        {"predictions": [{"bytesBase64Encoded": "Ω"}]},
        {"predictions": [{"bytesBase64Encoded": '","flagged":true,"x":"'}]},
        {"predictions": [{"bytesBase64Encoded": SMALL[: len(SMALL) // 8 * 4 - 1]}]},
        [],
        None,
        7,
    ],
    ids=lambda content: json.dumps(content)[:60],
)
def test_another_form_is_a_fault_of_unknown_outcome(content: object) -> None:
    fault = fault_of(content)

    assert fault.kind == "outcome_unknown"


entries = st.fixed_dictionaries(
    {},
    optional={
        "bytesBase64Encoded": json_values | st.text(),
        "prompt": json_values,
        "raiFilteredReason": json_values,
        "safetyAttributes": json_values,
    },
)


@given(st.fixed_dictionaries({"predictions": st.lists(entries) | json_values}) | json_values)
def test_any_json_is_read_or_a_fault(content: object) -> None:
    with suppress(UpstreamFault):
        interpret(upstream_response(content))


@given(st.binary() | documents())
def test_any_bytes_are_read_or_a_fault(text: bytes) -> None:
    with suppress(UpstreamFault):
        interpret(upstream_response(text))
