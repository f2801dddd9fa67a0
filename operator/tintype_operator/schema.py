"""Translates a pydantic model to the structural schema of a CustomResourceDefinition.

Kubernetes accepts a subset of JSON Schema: no references, no unions, no constraints on the keys of
a map. A keyword without an equivalent is an error, because the API server would silently ignore it.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

VALIDATIONS = "x-kubernetes-validations"

_ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
_NULL = {"type": "null"}
_FORMATS = ("date", "date-time")
_KEPT = frozenset(
    {"type", "enum", "default", "required", "pattern", "minimum", "maximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
    | {VALIDATIONS, "x-kubernetes-list-type", "x-kubernetes-list-map-keys"}
)


class SchemaError(ValueError):
    """A model has a constraint that a structural schema cannot express."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model.

    Raises:
        SchemaError: The model has a constraint without an equivalent; the message names the field.
    """
    document = model.model_json_schema()
    definitions = document.pop("$defs", {})
    return _structural(document, definitions, model.__name__)


def _structural(node: Schema, definitions: Mapping[str, Schema], path: str) -> Schema:
    schema: Schema = {}
    node = _inlined(_optional(_inlined(node, definitions)), definitions)
    for keyword, value in _with_key_rules(node, definitions).items():
        match keyword, value:
            case ("title", _) | ("additionalProperties", False):
                pass  # the API server prunes unknown fields anyway
            case "default", None | [] | dict():
                pass  # an absent field means the same
            case "description", str():
                schema[keyword] = " ".join(value.split())
            case "properties", dict():
                schema[keyword] = {
                    name: _structural(child, definitions, f"{path}.{name}")
                    for name, child in value.items()
                }
            case (("items" | "additionalProperties"), dict()):
                schema[keyword] = _structural(value, definitions, f"{path}[]")
            case "const", _:
                schema["enum"] = [value]
            case "format", str() if value in _FORMATS:
                schema[keyword] = value
            case _ if keyword in _KEPT:
                schema[keyword] = value
            case _:
                raise SchemaError(f"{path}: no structural equivalent of `{keyword}: {value}`")
    return schema if "type" in schema else schema | _ANYTHING


def _inlined(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Replace a reference by its definition; keywords beside the reference take precedence."""
    if "$ref" not in node:
        return node
    beside = {keyword: value for keyword, value in node.items() if keyword != "$ref"}
    definition = definitions[node["$ref"].removeprefix("#/$defs/")]
    return {**definition, **beside}


def _optional(node: Schema) -> Schema:
    """Translate `X or null` to `X`: an optional field is one that may be absent."""
    alternatives = [option for option in node.get("anyOf", []) if option != _NULL]
    if len(alternatives) != 1:
        return node
    beside = {keyword: value for keyword, value in node.items() if keyword != "anyOf"}
    return {**alternatives[0], **beside}


def _with_key_rules(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Translate constraints on the keys of a map to a CEL rule."""
    patterns, names = node.get("patternProperties", {}), node.get("propertyNames", {})
    if len(patterns) != 1 or not names.keys() <= {"minLength", "maxLength"}:
        return node
    ((pattern, values),) = patterns.items()
    beside = {k: v for k, v in node.items() if k not in ("patternProperties", "propertyNames")}
    ruled = {**beside, "additionalProperties": values}
    if not _inlined(values, definitions):
        return ruled  # CEL has no type for a map of any values; the status reports wrong keys
    longest = names.get("maxLength", 0)
    rule = {
        "rule": f"self.all(key, key.matches({json.dumps(pattern)}) && size(key) <= {longest})",
        "message": f"keys must match {pattern} and have at most {longest} characters",
    }
    return {**ruled, VALIDATIONS: [*beside.get(VALIDATIONS, []), rule]}
