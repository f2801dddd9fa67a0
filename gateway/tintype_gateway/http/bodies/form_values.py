"""The texts of a form as the values that the same fields have in a JSON body.

A form has no types. Those of OpenAI's fields are known from the model of the request. Those of a
provider's own fields are guessed: a text that is an integer, a number, `true` or `false` in JSON is
that value, and any other stays a text.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tintype_gateway.errors import BadRequestError
from tintype_gateway.http.bodies.limits import refused

MAX_DEPTH = 8
"""How many objects and lists a value has in one another: as many as in a JSON body."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?")
_BOOLEANS = {"true": True, "false": False}
_SCALARS = frozenset({"integer", "number", "boolean"})

_ITEM = ""
"""The step of a name such as `colors[]`: an item at the end of a list."""

Schema = Mapping[str, Any]


def form_values(texts: Iterable[tuple[str, str]], schema: Schema) -> dict[str, object]:
    """Return the fields of a form, by names such as `n`, `params[seed]` and `params[colors][]`.

    `schema` is the JSON schema of the request's model, as pydantic writes it. A text that is not of
    its field's type stays a text, so that validation names it.

    Raises:
        BadRequestError: A name cannot be understood, or contradicts another one.
    """
    values: dict[str, object] = {}
    for name, text in texts:
        path = _path(name)
        types = _types(_at(schema, path, schema), schema)
        _insert(values, path, _typed(text, types), name)
    return values


def _path(name: str) -> list[str]:
    """Return the steps of a name: `a[b][]` has the steps `a`, `b` and an item."""
    found = _NAME.fullmatch(name)
    steps = [found[1], *_STEP.findall(found[2])] if found else []
    if not steps or _ITEM in steps[:-1]:
        raise refused(name, "must be like `name`, `name[key]` or `name[]`", "invalid_value")
    if len(steps) > MAX_DEPTH:
        raise refused(name, f"must have at most {MAX_DEPTH} levels", "invalid_value")
    return steps


def _insert(values: dict[str, object], path: Sequence[str], value: object, name: str) -> None:
    *parents, last = path
    place: object = values
    for step, following in zip(parents, path[1:], strict=True):
        if not isinstance(place, dict):
            raise _contradiction(name)
        place = place.setdefault(step, [] if following == _ITEM else {})
    if last == _ITEM and isinstance(place, list):
        place.append(value)
    elif last != _ITEM and isinstance(place, dict) and last not in place:
        place[last] = value
    else:
        raise _contradiction(name)


def _contradiction(name: str) -> BadRequestError:
    return refused(name, "contradicts another field of the same name", "invalid_value")


def _at(schema: Schema, path: Sequence[str], root: Schema) -> Schema:
    """Return the schema at a path, an empty one where it is not known."""
    for step in path:
        places = _alternatives(schema, root)
        if step == _ITEM:
            found = [place["items"] for place in places if "items" in place]
        else:
            known = [place.get("properties", {}) for place in places]
            found = [fields[step] for fields in known if step in fields]
        if not found:
            return {}
        schema = {"anyOf": found}
    return schema


def _types(schema: Schema, root: Schema) -> frozenset[str]:
    """Return the names of the types that a schema allows; all scalars where it does not say."""
    found = {
        each.get("type", "string" if "enum" in each else "any")
        for each in _alternatives(schema, root)
    }
    return frozenset(found | _SCALARS if "any" in found else found)


def _alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """Return the schemas that a schema is one of, without references."""
    if reference := schema.get("$ref"):
        return _alternatives(root["$defs"][reference.removeprefix("#/$defs/")], root)
    if nested := schema.get("anyOf"):
        return [found for each in nested for found in _alternatives(each, root)]
    return [schema]


def _typed(text: str, types: frozenset[str]) -> object:
    """Return a text as the value of one of these types that it is in JSON, else as it is."""
    if "string" in types:
        return text
    if "boolean" in types and text in _BOOLEANS:
        return _BOOLEANS[text]
    if types & {"integer", "number"} and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
