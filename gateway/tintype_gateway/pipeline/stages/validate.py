"""Is this a request that anybody could serve?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import pydantic
from pydantic_core import from_json

from tintype_gateway.api.requests import ImageRequest, ValidRequest
from tintype_gateway.catalog.snapshot import Vocabulary
from tintype_gateway.errors import (
    BadRequestError,
    FieldProblem,
    UnsupportedParameterError,
    ValidationError,
)
from tintype_gateway.images.lazy_json import require_simple
from tintype_gateway.observability.spans import traced
from tintype_gateway.values.content import JsonBody, RequestBody

_MAX_FIELDS = 100
"""Several times as many as there are. Each one at fault is named in the answer."""

_MAX_STRINGS = 1000
_MAX_BYTES_BETWEEN = 16 * 1024
"""Of a body, outside its strings: many times what the largest provider parameters have."""

_MAX_DEPTH = 8
"""How many objects and lists the value of a field may have in one another."""

_MAX_ITEMS = 256
"""How many values it may hold in all."""

_MAX_PARAMETER_BYTES = 32 * 1024
"""How long the texts of a provider parameter may be together: as the longest prompt."""

_MAX_SUGGESTIONS = 5
"""Of the first so many problems, an unknown field is told the one that may be meant. The search for
it takes a while."""

_ALIKE = 0.8
"""How alike a misspelt field and the one that is meant are, of 1."""

_CODES = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "int_type": "invalid_type",
    "string_type": "invalid_type",
    "bool_type": "invalid_type",
}


_OURS_TO_SAY = {
    "taskType": "the path says it",
    "numberOfImages": "use `n`",
    "sampleCount": "use `n`",
    "candidateCount": "use `n`",
    "storageUri": "images are in the response",
    "addWatermark": "the provider's own setting holds",
}
"""Fields of the providers that decide what is made, counted and charged."""


@traced("validate")
def validate(
    body: RequestBody, vocabulary: Vocabulary, request_model: type[ImageRequest]
) -> ValidRequest:
    """Return the request that a body holds, where `vocabulary` is what the catalog's models know,
    and `request_model` has the fields of the operation.

    Raises:
        ValidationError: Fields are at fault: all of them are named at once.
        BadRequestError: The body is not JSON.
        UnsupportedParameterError: Fields do not go together.
    """
    document = _parse(body.text) if isinstance(body, JsonBody) else dict(body.fields)
    if len(document) > _MAX_FIELDS:
        message = f"must have at most {_MAX_FIELDS} fields"
        raise ValidationError([FieldProblem("body", message, "invalid_value")])
    known, extras = _split(document, request_model, vocabulary)
    _require_bounds(document, extras)
    _refuse_what_is_ours_to_say(document)
    problems = [*_word_problems(known, vocabulary), *_number_problems(extras)]
    try:
        fields = request_model.model_validate(known)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        names = [*request_model.model_fields, *vocabulary.provider_parameters]
        found = [_problem(detail, names, at) for at, detail in enumerate(details)]
        problems = [*found, *problems]
    if problems:
        raise ValidationError(problems)
    _refuse_contradictions(fields)
    models = {name: vocabulary.provider_parameters[name] for name in extras}
    return ValidRequest(fields, extras, models, body.images, body.mask)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        require_simple(body, _MAX_STRINGS, _MAX_BYTES_BETWEEN)
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")  # keep no prompts
        _UNIQUE_NAMES.decode(body.decode())  # `from_json` reads UTF-8 only
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(document, dict):
        raise ValidationError([FieldProblem("body", "must be a JSON object", "invalid_type")])
    return document


def _require_bounds(document: Mapping[str, object], extras: Mapping[str, object]) -> None:
    """Refuse values that take long to work with, before anything works with them."""
    problems = []
    for name, value in document.items():
        if not isinstance(value, str | dict | list):
            continue
        bound = _exceeded(value, _MAX_PARAMETER_BYTES if name in extras else None)
        if bound is not None:
            problems.append(
                FieldProblem(_shown(name), f"must have at most {bound}", "invalid_value")
            )
    if problems:
        raise ValidationError(problems)


def _exceeded(value: object, max_bytes: int | None) -> str | None:
    """Return the bound that a value goes beyond, if any; it is looked at no further than that."""
    level, items, size = [value], 0, 0
    for _ in range(_MAX_DEPTH + 1):
        nested: list[object] = []
        for each in level:
            if isinstance(each, dict):
                nested += [*each.values()]
                size += sum(map(len, each))
            elif isinstance(each, list):
                nested += each
            elif isinstance(each, str):
                size += len(each) if each.isascii() else len(each.encode("utf-8", "surrogatepass"))
            if items + len(nested) > _MAX_ITEMS:
                return f"{_MAX_ITEMS} values"
            if max_bytes is not None and size > max_bytes:
                return f"{max_bytes} bytes"
        if not nested:
            return None
        level, items = nested, items + len(nested)
    return f"{_MAX_DEPTH} levels of objects and lists"


def _require_unique(pairs: Sequence[tuple[str, object]]) -> None:
    """Refuse what one reader would take for its first value and another for its last."""
    if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name occurs twice in one object")


_UNIQUE_NAMES = json.JSONDecoder(object_pairs_hook=_require_unique)


def _split(
    document: dict[str, Any], request_model: type[ImageRequest], vocabulary: Vocabulary
) -> tuple[dict[str, Any], dict[str, object]]:
    """Part the standard fields, and unknown ones with them, from the provider parameters.

    A field that is null counts as left out, if there is such a field.
    """
    fields, parameters = request_model.model_fields, vocabulary.provider_parameters
    known = {
        name: value
        for name, value in document.items()
        if name not in parameters and (value is not None or name not in fields)
    }
    extras = {name: document[name] for name in parameters if document.get(name) is not None}
    return known, extras


def _refuse_what_is_ours_to_say(document: dict[str, Any]) -> None:
    for name in document.keys() & _OURS_TO_SAY.keys():
        raise UnsupportedParameterError(
            f"`{name}` is not for clients to set: {_OURS_TO_SAY[name]}", param=name
        )


def _word_problems(document: dict[str, Any], vocabulary: Vocabulary) -> Iterator[FieldProblem]:
    words = {"quality": vocabulary.qualities, "style": vocabulary.styles}
    for name, allowed in words.items():
        value = document.get(name)
        if isinstance(value, str) and value not in allowed:
            message = f"must be one of {', '.join(sorted(allowed))}"
            yield FieldProblem(name, message, "invalid_value")


def _number_problems(extras: Mapping[str, object]) -> Iterator[FieldProblem]:
    for name, value in extras.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:  # such as 1e999, which is JSON, and which no provider could be told
            yield FieldProblem(name, "must not hold numbers beyond 1e308", "invalid_value")


def _problem(detail: Any, names: Sequence[str], index: int) -> FieldProblem:
    param = ".".join(str(step) for step in detail["loc"])[:64].encode("ascii", "replace").decode()
    code = _CODES.get(detail["type"], "invalid_value")
    is_unknown = code == "unknown_parameter"
    if is_unknown and index < _MAX_SUGGESTIONS:
        message = _unknown(param, names)
    else:
        message = "unknown field" if is_unknown else _plain(detail["msg"])
    return FieldProblem(param, message, code)


def _shown(name: str) -> str:
    return name[:64].encode("ascii", "replace").decode()


def _unknown(name: str, names: Sequence[str]) -> str:
    similar = get_close_matches(name, names, n=1, cutoff=_ALIKE)
    return f"unknown field: did you mean `{similar[0]}`?" if similar else "unknown field"


def _plain(message: str) -> str:
    """Say pydantic's message as a rule: `Input should be ...` becomes `must be ...`."""
    return (
        message.removeprefix("Value error, ")
        .replace("Input should be", "must be")
        .replace("String should", "must")
        .replace("Field required", "is required")
    )


def _refuse_contradictions(fields: ImageRequest) -> None:
    if fields.stream and fields.response_format == "url":
        raise UnsupportedParameterError(
            "`response_format: url` does not go with `stream`, whose events carry the images",
            param="response_format",
        )
    if fields.partial_images and not fields.stream:
        raise UnsupportedParameterError(
            "`partial_images` goes with `stream`: without it there is nothing to preview in",
            param="partial_images",
        )
