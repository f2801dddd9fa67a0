"""What OpenAI refuses in an edit, and how: by its own client, and as raw forms."""

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, BadRequestError, NotFoundError
from PIL import Image

from tests.catalog.strategies import json_values
from tests.simulator.edits import file, mask, plain
from tintype_simulator.openai.edit_request import MAX_URL_CHARACTERS, form_fields, read_edit
from tintype_simulator.openai.errors import OpenAIError
from tintype_simulator.openai.fields import check_field
from tintype_simulator.openai.input_images import MAX_MASK_BYTES, Upload, check_file
from tintype_simulator.openai.models import MODELS
from tintype_simulator.openai.request import ImageRequest
from tintype_testing.http import http_client

SMALL = (64, 48)
PHOTO = plain("red", SMALL)
GOOD = {"model": "gpt-image-2", "prompt": "make it dusk"}


def png(content: bytes = PHOTO) -> tuple[str, bytes, str]:
    """Return a file as the client takes one whose type is declared."""
    return "photo.png", content, "image/png"


async def refusal(client: AsyncOpenAI, **fields: Any) -> BadRequestError:
    """Return the error that an edit ends with."""
    given = {**GOOD, "image": png()} | fields
    with pytest.raises(BadRequestError) as refused:
        await client.images.edit(**given)
    return refused.value


@pytest.mark.parametrize(
    ("image", "param"),
    [(PHOTO, "image"), (io.BytesIO(PHOTO), "image"), ([PHOTO], "image[0]")],
    ids=["bytes", "nameless stream", "list of one"],
)
async def test_a_file_without_a_type_is_refused(
    client: AsyncOpenAI, image: Any, param: str
) -> None:
    error = await refusal(client, image=image)

    assert (error.code, error.param) == ("unsupported_file_mimetype", param)
    assert "unsupported mimetype ('application/octet-stream')" in error.message


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": ""}, "prompt", "empty_string"),
        ({"n": 11}, "n", "integer_above_max_value"),
        ({"size": "512x512"}, "size", "invalid_value"),
        ({"quality": "hd"}, "quality", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"input_fidelity": "high"}, "input_fidelity", "invalid_input_fidelity_model"),
        (
            {"model": "gpt-image-2.5-flare", "input_fidelity": "low"},
            "input_fidelity",
            "invalid_input_fidelity_model",
        ),
        (
            {"model": "gpt-image-1-mini", "input_fidelity": "high"},
            "input_fidelity",
            "invalid_value",
        ),
        ({"response_format": "b64_json"}, "response_format", "unknown_parameter"),
        ({"model": "dall-e-3"}, "model", "invalid_value"),
        ({"model": "dall-e-2", "image": png()}, "image", "invalid_value"),
        ({"markup": png(mask(SMALL))}, "markup", "invalid_value"),
        (
            {"model": "gpt-image-2.5-flare", "markup": png(mask(SMALL)), "mask": png(mask(SMALL))},
            "markup",
            "invalid_value",
        ),
        ({"image": [png()] * 17}, "image", "array_above_max_length"),
        ({"extra_body": {"moderation": "high"}}, "moderation", "invalid_value"),
        ({"extra_body": {"mask_prompt": "the hat"}}, "mask_prompt", "unknown_parameter"),
        ({"extra_body": {"n": "two"}}, "n", "invalid_type"),
        ({"extra_body": {"stream": "yes"}}, "stream", "invalid_type"),
        ({"extra_body": {"n": {"a": 1}}}, "n", "invalid_type"),
        ({"extra_body": {"image[]": "data:image/png;base64,AAAA"}}, "image", "duplicate_parameter"),
    ],
)
async def test_a_bad_field_is_refused_by_name(
    client: AsyncOpenAI, fields: dict[str, Any], param: str, code: str
) -> None:
    error = await refusal(client, **fields)

    assert (error.param, error.code) == (param, code)
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize(
    "content",
    [
        b"no image",
        PHOTO[: len(PHOTO) // 2],
        file(Image.new("CMYK", SMALL), "jpeg"),
        file(Image.new("I;16", SMALL)),
        file(Image.new("RGB", SMALL), "gif"),
    ],
    ids=["text", "truncated", "CMYK", "16 bits", "GIF"],
)
async def test_what_is_not_an_image_of_a_known_kind_is_refused(
    client: AsyncOpenAI, content: bytes
) -> None:
    error = await refusal(client, image=[png(), png(content)])

    assert (error.type, error.code) == ("image_generation_user_error", "invalid_image_file")
    assert "Invalid image file or mode for image 2" in error.message


async def test_a_photo_that_holds_several_images_is_refused(client: AsyncOpenAI) -> None:
    content = io.BytesIO()
    frames = [Image.new("RGB", SMALL, color) for color in ("red", "blue")]
    frames[0].save(content, "mpo", save_all=True, append_images=frames[1:])

    error = await refusal(client, image=("photo.jpg", content.getvalue(), "image/jpeg"))

    assert error.code == "invalid_image_file"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (plain("black", SMALL), "mask image missing alpha channel"),
        (mask((64, 64)), "mask size does not match image size"),
        (file(Image.new("RGBA", SMALL), "webp"), "mask must be a PNG"),
    ],
)
async def test_an_invalid_mask_is_refused(
    client: AsyncOpenAI, content: bytes, problem: str
) -> None:
    error = await refusal(client, mask=png(content))

    assert (error.code, error.param) == ("invalid_image_file", "mask")
    assert problem in error.message


def test_a_mask_must_be_smaller_than_four_megabytes() -> None:
    with pytest.raises(OpenAIError, match="must be less than"):
        check_file(Upload("mask", "image/png", bytes(MAX_MASK_BYTES)), MAX_MASK_BYTES)


async def test_an_edit_without_an_image_is_refused(client: AsyncOpenAI) -> None:
    error = await refusal(client, image=[])

    assert (error.param, error.code) == ("image", "missing_required_parameter")


async def test_a_prompt_with_the_word_forbidden_is_blocked(client: AsyncOpenAI) -> None:
    error = await refusal(client, prompt="a forbidden fox")

    assert (error.type, error.code) == ("image_generation_user_error", "moderation_blocked")


async def test_an_image_that_is_magenta_all_over_is_blocked(client: AsyncOpenAI) -> None:
    error = await refusal(client, image=[png(), png(plain("magenta", SMALL))])

    assert (error.type, error.code) == ("image_generation_user_error", "moderation_blocked")


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError):
        await client.images.edit(model="gpt-image-9", prompt="make it dusk", image=png())


async def post_form(simulator: str, *parts: tuple[str, Any]) -> dict[str, Any]:
    """Return the error that a form with these parts ends with."""
    fields = [(name, (None, value)) for name, value in GOOD.items()]
    async with http_client() as http:
        response = await http.post(
            f"{simulator}/v1/images/edits",
            files=[*fields, *parts],
            headers={"authorization": "Bearer key"},
        )
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


@pytest.mark.parametrize("names", [("image", "image"), ("image", "image[]"), ("image[]", "image")])
async def test_a_plain_image_that_comes_with_another_one_is_refused(
    simulator: str, names: tuple[str, str]
) -> None:
    error = await post_form(simulator, *((name, png()) for name in names))

    assert (error["code"], error["param"]) == ("duplicate_parameter", "image")
    assert "Duplicate parameter: 'image'" in error["message"]


async def test_a_text_in_place_of_a_file_is_refused(simulator: str) -> None:
    error = await post_form(simulator, ("image[]", (None, "data:image/png;base64,AAAA")))

    assert (error["code"], error["param"]) == ("invalid_type", "image[0]")
    assert "expected a file, but got a string instead" in error["message"]


async def test_a_file_in_place_of_a_text_is_refused(simulator: str) -> None:
    error = await post_form(simulator, ("image", png()), ("user", png()))

    assert (error["code"], error["param"]) == ("invalid_type", "user")


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=other", None),
        ("text/plain", "unsupported_content_type"),
        ("", "unsupported_content_type"),
    ],
)
async def test_a_body_of_another_kind_is_refused(
    simulator: str, content_type: str, code: str | None
) -> None:
    async with http_client() as http:
        response = await http.post(
            f"{simulator}/v1/images/edits",
            content=b"--b\r\n\r\n--b--\r\n",
            headers={"authorization": "Bearer key", "content-type": content_type},
        )

    assert response.status_code == 400
    assert response.json()["error"]["code"] == code


def url(content: bytes = PHOTO) -> str:
    """Return a data URL."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("images", "param", "code"),
    [
        ([], "images", "missing_required_parameter"),
        (url(), "images", "invalid_type"),
        ([url()], "images[0]", "invalid_type"),
        ([{}], "images[0]", "invalid_value"),
        ([{"image_url": url(), "file_id": "file-1"}], "images[0]", "invalid_value"),
        ([{"image_url": url(), "detail": "high"}], "images[0].detail", "unknown_parameter"),
        ([{"file_id": "file-1"}], "images[0].file_id", "invalid_value"),
        ([{"image_url": "https://127.0.0.1/a.png"}], "images[0].image_url", "invalid_image_url"),
        ([{"image_url": "data:image/png;base64,A"}], "images[0].image_url", "invalid_image_url"),
        (
            [{"image_url": "x" * (MAX_URL_CHARACTERS + 1)}],
            "images[0].image_url",
            "string_above_max_length",
        ),
        ([{"image_url": url()}] * 17, "images", "array_above_max_length"),
        (
            [{"image_url": url().replace("image/png", "image/heic")}],
            "images[0].image_url",
            "unsupported_file_mimetype",
        ),
    ],
)
async def test_an_image_of_a_json_body_is_refused_by_its_place(
    client: AsyncOpenAI, images: Any, param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.post("/images/edits", body={**GOOD, "images": images}, cast_to=object)

    assert (refused.value.param, refused.value.code) == (param, code)


async def test_dall_e_accepts_no_json_body(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="GPT image models"):
        await client.post(
            "/images/edits",
            body={"model": "dall-e-2", "prompt": "x", "images": [{"image_url": url()}]},
            cast_to=object,
        )


def test_nested_members_of_a_form_are_objects() -> None:
    fields = form_fields([("svg[model]", "m"), ("svg[reasoning][effort]", "low"), ("n", "2")])

    assert fields == {"svg": {"model": "m", "reasoning": {"effort": "low"}}, "n": 2}
    check_field(MODELS["gpt-image-2.6-flare"].family, "svg", fields["svg"])


def outcome(read: Any, *given_body: Any) -> object:
    """Return what was read, or OpenAI's refusal."""
    try:
        return read(*given_body)
    except OpenAIError as refused:
        return refused


@given(st.lists(st.tuples(st.sampled_from(["n", "svg", "svg[a]", "x[]", "[", ""]), st.text())))
def test_every_form_is_read_or_refused(texts: list[tuple[str, str]]) -> None:
    assert isinstance(outcome(form_fields, texts), dict | OpenAIError)


@given(json_values, json_values)
def test_every_json_body_is_read_or_refused(images: object, wanted_mask: object) -> None:
    body = json.dumps({**GOOD, "images": images, "mask": wanted_mask}).encode()

    assert isinstance(outcome(read_edit, "application/json", body), ImageRequest | OpenAIError)
