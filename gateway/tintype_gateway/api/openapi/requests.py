"""The request as a schema, with the words of the catalog that is served just now."""

from typing import Any

from tintype_catalog.sizes import SIZE
from tintype_gateway.api.requests import ImageRequest
from tintype_gateway.catalog.snapshot import Vocabulary


def request_schema(model: type[ImageRequest], vocabulary: Vocabulary | None) -> dict[str, Any]:
    """Return the schema of an operation's body: other fields than these are refused.

    Without a vocabulary it leaves open what only the catalog knows.
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
    """Return the schema of a field that counts as left out where it is null."""
    described = {key: field[key] for key in ("title", "description", "default") if key in field}
    rest = {key: value for key, value in field.items() if key not in described}
    kinds = rest.pop("anyOf", None) or [rest]
    return described | {"anyOf": [*(kind for kind in kinds if kind != _NULL), _NULL]}


_NULL = {"type": "null"}
