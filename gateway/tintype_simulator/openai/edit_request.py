"""Reads `POST /v1/images/edits`, as a form or as JSON, as strictly as OpenAI documents it.

Pure, and slow, since it decodes the images: not for the event loop.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from tintype_simulator.control.markers import is_forbidden_image
from tintype_simulator.multipart import MultipartError, Part, is_multipart, parse_multipart
from tintype_simulator.openai.errors import OpenAIError, invalid, moderation_blocked
from tintype_simulator.openai.fields import (
    check_combinations,
    check_field,
    check_prompt,
    missing,
    named_model,
    text,
    typed,
    unknown,
)
from tintype_simulator.openai.input_images import (
    Upload,
    opened_images,
    opened_markup,
    opened_mask,
    transparent_region,
)
from tintype_simulator.openai.models import EditRules, Model
from tintype_simulator.openai.request import (
    ImageRequest,
    ModelOf,
    decoded_json,
    fields_of,
    resolved,
)

FILE_FIELDS = ("image", "image[]", "mask", "markup")

DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)
MAX_URL_CHARACTERS = 20_971_520
"""The longest `image_url` of a JSON body."""


@dataclass(frozen=True)
class Form:
    """The body of an edit, of either kind, before its values are checked."""

    fields: Mapping[str, Any]
    """All but the files, as JSON has them."""

    images: Sequence[Upload]
    mask: Upload | None = None
    markup: Upload | None = None
    images_param: str = "image"
    """How errors name the list of images."""


def read_edit(content_type: str, body: bytes, model_of: ModelOf = named_model) -> ImageRequest:
    """Return the request in the body of `POST /v1/images/edits`.

    Raises:
        OpenAIError: The response that OpenAI would give.
    """
    if is_multipart(content_type):
        form = read_form(content_type, body)
    elif content_type.lower().startswith("application/json"):
        form = read_json(decoded_json(body), model_of)
    else:
        kinds = "'multipart/form-data' or 'application/json'"
        message = f"Unsupported content type: '{content_type}'. Expected {kinds}."
        raise OpenAIError(message, code="unsupported_content_type")
    return request_of(form, model_of(form.fields))


def request_of(form: Form, model: Model) -> ImageRequest:
    """Return the request in a form whose files and texts stand in their fields."""
    rules = edit_rules(model)
    check_fields(model, rules, form.fields)
    check_prompt(model.family, text(form.fields, "prompt"))
    check_images(form, rules, model)
    images = opened_images(form.images, rules)
    if any(is_forbidden_image(image.convert("RGB")) for image in images):
        raise moderation_blocked("input")
    image_request = resolved(model, form.fields, source=images[0].size)
    high_fidelity = form.fields.get("input_fidelity") == "high"
    count = rules.input_tokens or (lambda *_: 0)
    return replace(
        image_request,
        inputs=images,
        region=region(form, images[0], rules),
        input_image_tokens=sum(count(*image.size, high_fidelity) for image in images),
    )


def region(form: Form, image: Image.Image, rules: EditRules) -> Image.Image | None:
    """Return what of the image is to be painted anew, or None where the request does not say."""
    if form.mask is not None:
        return opened_mask(form.mask, image)
    if form.markup is not None:
        return opened_markup(form.markup, image)
    if rules.requires_square_png and image.has_transparency_data:
        return transparent_region(image)
    return None


def edit_rules(model: Model) -> EditRules:
    """Return what the model takes in an edit, or raise OpenAIError where it does not edit."""
    if model.family.edits is None:
        message = f"The model '{model.id}' does not support image edits."
        raise invalid("model", "invalid_value", message)
    return model.family.edits


def check_fields(model: Model, rules: EditRules, fields: Mapping[str, Any]) -> None:
    """Refuse a field that the model does not take in an edit, or a value of it."""
    if "input_fidelity" in fields and not rules.input_fidelity:
        message = f"The model '{model.id}' does not support the 'input_fidelity' parameter."
        raise invalid("input_fidelity", "invalid_input_fidelity_model", message)
    choices = {**model.family.choices, "input_fidelity": rules.input_fidelity}
    family = replace(model.family, choices=choices)
    for name, value in fields.items():
        check_field(family, name, value)
    check_combinations(fields)


def check_images(form: Form, rules: EditRules, model: Model) -> None:
    """Refuse too few or too many images, and a mask or an overlay that does not go with them."""
    if not form.images:
        raise missing(form.images_param)
    if (given := len(form.images)) > rules.max_images:
        problem = f"Expected an array with maximum length {rules.max_images}"
        message = f"{problem}, but got an array with length {given} instead."
        message = f"Invalid '{form.images_param}': array too long. {message}"
        raise invalid(form.images_param, "array_above_max_length", message)
    if form.markup is not None and not rules.markup:
        message = f"The model '{model.id}' does not support the 'markup' parameter."
        raise invalid("markup", "invalid_value", message)
    if form.markup is not None and form.mask is not None:
        raise invalid("markup", "invalid_value", "'markup' cannot be combined with 'mask'.")
    if form.mask is not None and form.fields.get("output_format") == "gif":
        message = "A mask is not supported for GIF output format."
        raise invalid("mask", "invalid_value", message)


def read_form(content_type: str, body: bytes) -> Form:
    """Return the form in a multipart body."""
    try:
        parts = parse_multipart(content_type, body)
    except MultipartError as error:
        raise OpenAIError(f"Could not parse multipart form: {error}.") from error
    check_repeated(parts)
    uploads: dict[str, list[Upload]] = {name: [] for name in FILE_FIELDS}
    texts: list[tuple[str, str]] = []
    for part in parts:
        if part.name in FILE_FIELDS:
            files = uploads[part.name]
            files.append(uploaded(part, len(files)))
        else:
            texts.append((part.name, text_of(part)))
    mask, markup = uploads["mask"], uploads["markup"]
    return Form(
        fields=form_fields(texts),
        images=uploads["image"] + uploads["image[]"],
        mask=mask[0] if mask else None,
        markup=markup[0] if markup else None,
    )


def check_repeated(parts: Iterable[Part]) -> None:
    """Refuse a field that comes twice and is not a list, and `image` beside `image[]`."""
    names = [part.name for part in parts]
    for name in dict.fromkeys(names):
        lists = names.count(f"{name}[]") if name == "image" else 0
        if not name.endswith("[]") and names.count(name) + lists > 1:
            problem = f"Duplicate parameter: '{name}'. You provided multiple values for this"
            advice = f"use the array syntax instead e.g. '{name}[]=<value>'"
            message = f"{problem} parameter, whereas only one is allowed. For a list, {advice}."
            raise invalid(name, "duplicate_parameter", message)


def uploaded(part: Part, index: int) -> Upload:
    """Return the file in a part of a form, or raise OpenAIError where it is a text."""
    name = part.name.removesuffix("[]")
    param = f"{name}[{index}]" if part.name.endswith("[]") else name
    if part.filename is None:
        problem = "expected a file, but got a string instead."
        raise invalid(param, "invalid_type", f"Invalid type for '{param}': {problem}")
    return Upload(param, part.content_type or "application/octet-stream", part.content)


def text_of(part: Part) -> str:
    """Return the text in a part of a form, or raise OpenAIError where it is a file."""
    if part.filename is not None:
        problem = "expected a string, but got a file instead."
        raise invalid(part.name, "invalid_type", f"Invalid type for '{part.name}': {problem}")
    try:
        return part.content.decode()
    except UnicodeDecodeError as error:
        message = f"Invalid '{part.name}': not valid Unicode."
        raise invalid(part.name, "invalid_value", message) from error


def form_fields(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the texts of a form as the fields of a JSON body.

    Numbers and booleans are texts in a form; `svg[model]` names a member of an object.
    """
    fields: dict[str, Any] = {}
    for name, value in texts:
        *path, last = re.findall(r"[^][]+", name) or [name]
        place = fields
        for step in path:
            place = typed(step, place.setdefault(step, {}), dict)
        place[last] = value if path else form_value(name, value)
    return fields


def form_value(name: str, value: str) -> object:
    """Return a text of a form as the type of its field, where it can be read as one."""
    integers = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")
    if name in integers and re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        return int(value)
    if name == "stream" and value in ("true", "false"):
        return value == "true"
    return value


def read_json(body: object, model_of: ModelOf) -> Form:
    """Return the form in a decoded JSON body, which only the GPT models take."""
    fields = fields_of(body)
    if model_of(fields).family.is_dall_e:
        message = "A JSON body is only supported for the GPT image models."
        raise invalid("model", "invalid_value", message)
    images = typed("images", fields.pop("images", []), list)
    mask = fields.pop("mask", None)
    return Form(
        fields=fields,
        images=[referenced(f"images[{n}]", image) for n, image in enumerate(images)],
        mask=None if mask is None else referenced("mask", mask),
        images_param="images",
    )


def referenced(param: str, value: object) -> Upload:
    """Return the image that an object names: `{"image_url": ...}` or `{"file_id": ...}`."""
    image = typed(param, value, dict)
    if extra := sorted(image.keys() - {"image_url", "file_id"}):
        raise unknown(f"{param}.{extra[0]}")
    if len(image) != 1:
        message = f"Invalid '{param}': expected exactly one of 'image_url' and 'file_id'."
        raise invalid(param, "invalid_value", message)
    if "file_id" in image:
        file_id = typed(f"{param}.file_id", image["file_id"], str)
        raise invalid(f"{param}.file_id", "invalid_value", f"No such File object: {file_id}")
    return upload_of_url(f"{param}.image_url", typed(f"{param}.image_url", image["image_url"], str))


def upload_of_url(param: str, url: str) -> Upload:
    """Return the file in a data URL, or raise OpenAIError: the simulator downloads nothing."""
    if len(url) > MAX_URL_CHARACTERS:
        problem = f"Expected a string with maximum length {MAX_URL_CHARACTERS}"
        problem = f"string too long. {problem}, but got one with length {len(url)} instead."
        raise invalid(param, "string_above_max_length", f"Invalid '{param}': {problem}")
    if not (match := DATA_URL.fullmatch(url)):
        raise invalid(param, "invalid_image_url", f"Failed to download the image of '{param}'.")
    try:
        return Upload(param, match[1].lower(), base64.b64decode(match[2], validate=True))
    except ValueError as error:
        message = f"Invalid '{param}': the data URL is not valid base64."
        raise invalid(param, "invalid_image_url", message) from error
