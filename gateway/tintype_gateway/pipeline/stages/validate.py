"""Validates the body of a request, without its model."""

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
"""The most fields of a body, several times the number that exist. Errors name each invalid one."""

_MAX_STRINGS = 1000
_MAX_BYTES_BETWEEN = 16 * 1024
"""The most bytes of a body outside of strings: many times those of the largest parameters."""

_MAX_DEPTH = 8
"""The most levels of nested objects and lists in a field."""

_MAX_ITEMS = 256
"""The most values in a field."""

_MAX_PARAMETER_BYTES = 32 * 1024
"""The most bytes of text in a provider parameter: those of the longest prompt."""

_MAX_SUGGESTIONS = 5
"""The number of unknown fields that get a suggestion, because the search for one is slow."""

_ALIKE = 0.8
"""The minimum similarity (0 to 1) of a suggested field."""

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
"""Fields of providers that the gateway sets itself, with the reason for clients."""


@traced("validate")
def validate(
    body: RequestBody, vocabulary: Vocabulary, request_model: type[ImageRequest]
) -> ValidRequest:
    """Return the request in a body. `vocabulary` has the values that models of the catalog accept,
    and `request_model` the fields of the operation.

    Raises:
        ValidationError: Fields are invalid; the error names all of them.
        BadRequestError: The body is not JSON.
        UnsupportedParameterError: Fields exclude each other.
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
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")  # do not keep prompts
        _UNIQUE_NAMES.decode(body.decode())  # `from_json` reads UTF-8 only
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(document, dict):
        raise ValidationError([FieldProblem("body", "must be a JSON object", "invalid_type")])
    return document


def _require_bounds(document: Mapping[str, object], extras: Mapping[str, object]) -> None:
    """Refuse values that would be slow to process, before processing them."""
    problems = []
    for name, value in document.items():
        is_extra = name in extras
        if not (isinstance(value, dict | list) or (is_extra and isinstance(value, str))):
            continue  # a number, or one text without a bound: neither is slow
        bound = _exceeded(value, _MAX_PARAMETER_BYTES if is_extra else None)
        if bound is not None:
            problems.append(
                FieldProblem(_shown(name), f"must have at most {bound}", "invalid_value")
            )
    if problems:
        raise ValidationError(problems)


def _exceeded(value: object, max_bytes: int | None) -> str | None:
    """Return the limit that a value exceeds, if any; the check stops there."""
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
    """Refuse duplicate names, which parsers resolve differently."""
    if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name occurs twice in one object")


_UNIQUE_NAMES = json.JSONDecoder(object_pairs_hook=_require_unique)


def _split(
    document: dict[str, Any], request_model: type[ImageRequest], vocabulary: Vocabulary
) -> tuple[dict[str, Any], dict[str, object]]:
    """Split a body into standard (and unknown) fields and provider parameters.

    A known field that is null counts as absent.
    """
    fields, parameters = request_model.model_fields, vocabulary.provider_parameters
    known: dict[str, Any] = {}
    extras: dict[str, object] = {}
    for name, value in document.items():
        if name in parameters:
            if value is not None:
                extras[name] = value
        elif value is not None or name not in fields:
            known[name] = value
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
        except ValueError:  # such as 1e999, which is valid JSON but cannot be sent to a provider
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
    """Turn pydantic's message into a rule: `Input should be ...` becomes `must be ...`."""
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
