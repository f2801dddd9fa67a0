"""Every edit and variation of the starter catalog, asked once: quoted, made, and charged."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image

from tests.simulator.edited import photo
from tintype_catalog.catalog import Model
from tintype_catalog.operations import OperationName
from tintype_testing.gateway import Gateway
from tintype_testing.manifests import STARTER, compiled, read_manifests

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS: Mapping[OperationName, str] = {
    "edit": "/v1/images/edits",
    "variation": "/v1/images/variations",
}

NEEDED: Mapping[str, Mapping[str, object]] = {
    "COLOR_GUIDED_GENERATION": {"colorGuidedGenerationParams": {"colors": ["#FF9800"]}},
    "outpaint": {"left": 64},
    "search-replace": {"search_prompt": "the dog"},
    "search-recolor": {"select_prompt": "the dog"},
}
"""The provider parameters that a task cannot do without."""

ASKED = [
    pytest.param(model, name, id=f"{model.name} {name}")
    for model in compiled(*read_manifests(STARTER)).models
    for name in model.rules
    if name != "generation"
]


def data_url(image: Image.Image) -> dict[str, str]:
    """Return an image as a JSON body has it."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return {"image_url": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"}


def masked(image: Image.Image) -> Image.Image:
    """Return a mask for an image, with a transparent box."""
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (40, 100, 200, 300))
    mask = image.convert("RGBA")
    mask.putalpha(alpha)
    return mask


PHOTO = photo((640, 704))
IMAGE, MASK = data_url(PHOTO), data_url(masked(PHOTO))


def body(model: Model, name: OperationName) -> dict[str, Any]:
    """Return a request with as many images as the model takes, and a mask if it takes one."""
    rule = model.rules[name]
    fields: dict[str, Any] = {"model": model.id, "images": [IMAGE] * rule.max_images}
    if rule.prompt != "None":
        fields["prompt"] = "a red fox"
    if rule.mask != "None":
        fields["mask"] = MASK
    return {**fields, **NEEDED.get(rule.task or "", {})}


@pytest.mark.parametrize(("model", "name"), ASKED)
async def test_an_operation_gives_an_image_and_costs_no_more_than_was_quoted(
    shared_gateway: Gateway, model: Model, name: OperationName
) -> None:
    path, asked = PATHS[name], body(model, name)

    async with shared_gateway.http() as http:
        quote = await http.post(f"{path}/quote", json=asked)
        response = await http.post(path, json=asked)

    assert (quote.status_code, response.status_code) == (200, 200), (
        quote.text,
        response.text[:500],
    )
    (image,) = response.json()["data"]
    assert image["b64_json"]
    assert 0 < response.json()["usage"]["credits_used"] <= quote.json()["credits_ceiling"]
