"""The schema of request bodies, with the values of the served catalog."""

from typing import Any

from tintype_catalog.operations import MAX_INPUT_IMAGES
from tintype_catalog.sizes import SIZE
from tintype_gateway.api.operations import FORM, JSON, ApiOperation
from tintype_gateway.api.requests import ImageRequest
from tintype_gateway.catalog.snapshot import Vocabulary

MASK = "A PNG as large as the first image: where it is transparent, the image may change."


def request_schemas(
    operation: ApiOperation, vocabulary: Vocabulary | None
) -> dict[str, dict[str, Any]]:
    """Return the schemas of an operation's bodies by their names, one for each media type."""
    schema = request_schema(operation.request_model, vocabulary)
    if not operation.takes_images:
        return {body_name(operation, JSON): schema}
    return {
        body_name(operation, JSON): _with(schema, _LINKED, operation),
        body_name(operation, FORM): _with(schema, _FILES, operation),
    }


def body_name(operation: ApiOperation, media_type: str) -> str:
    """Return the name of the schema of a body of this media type."""
    name = operation.request_model.__name__
    return name if media_type == JSON else name.replace("Request", "Form")


def _with(
    schema: dict[str, Any], images: dict[str, Any], operation: ApiOperation
) -> dict[str, Any]:
    """Return a schema with the fields of images, and of a mask where the operation takes one."""
    masks = {} if operation.takes_mask else {"mask"}
    added = {name: field for name, field in images.items() if name not in masks}
    required = ["images"] if "images" in added else []
    return schema | {
        "properties": schema["properties"] | added,
        "required": [*schema["required"], *required],
    }


_IMAGE_URL = {
    "type": "object",
    "required": ["image_url"],
    "additionalProperties": False,
    "properties": {
        "image_url": {
            "type": "string",
            "description": "A `data:` URL. An `https:` URL only where the gateway's operator "
            "allows it.",
        }
    },
}
_LINKED = {
    "images": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_INPUT_IMAGES,
        "items": _IMAGE_URL,
        "description": "The images, of which the first one is changed.",
    },
    "mask": _IMAGE_URL | {"description": MASK},
}
_FILE = {"type": "string", "format": "binary"}
_FILES = {
    "image": {
        "anyOf": [_FILE, {"type": "array", "items": _FILE, "maxItems": MAX_INPUT_IMAGES}],
        "description": "The image, or several ones.",
    },
    "image[]": {
        "type": "array",
        "items": _FILE,
        "maxItems": MAX_INPUT_IMAGES,
        "description": "The images, of which the first one is changed.",
    },
    "mask": _FILE | {"description": MASK},
}


def request_schema(model: type[ImageRequest], vocabulary: Vocabulary | None) -> dict[str, Any]:
    """Return the schema of an operation's body; the API refuses other fields.

    Without a vocabulary, the schema does not restrict values that depend on the catalog.
    """
    schema = model.model_json_schema()
    fields: dict[str, Any] = schema["properties"]
    fields["size"] |= {"anyOf": [{"type": "string", "pattern": f"^(?:{SIZE.pattern})$"}]}
    if vocabulary is not None:
        fields["quality"] |= {"anyOf": [{"enum": sorted(vocabulary.qualities)}]}
        fields["style"] |= {"anyOf": [{"enum": sorted(vocabulary.styles)}]}
    optional = fields.keys() - set(schema["required"])
    for name in optional:
        fields[name] = _nullable(fields[name])
    if vocabulary is None:
        return schema | {"additionalProperties": True}
    for name, models in vocabulary.provider_parameters.items():
        fields[name] = {"description": f"A parameter of the provider, for {', '.join(models)}."}
    return schema


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field where null means that the field is absent."""
    described = {key: field[key] for key in ("title", "description", "default") if key in field}
    rest = {key: value for key, value in field.items() if key not in described}
    kinds = rest.pop("anyOf", None) or [rest]
    return described | {"anyOf": [*(kind for kind in kinds if kind != _NULL), _NULL]}


_NULL = {"type": "null"}
