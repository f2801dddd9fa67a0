"""The fields of OpenAI's image requests: their types, their values, and which go together.

The first problem decides the response, as with OpenAI. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from tintype_simulator.openai.errors import (
    OpenAIError,
    content_policy_violation,
    invalid,
    model_not_found,
    moderation_blocked,
)
from tintype_simulator.openai.models import MODELS, Family, Model, unsupported

T = TypeVar("T", str, int, bool, dict[str, Any], list[Any])

REFUSED_WORD = re.compile(r"\bforbidden\b", re.IGNORECASE)
"""A prompt with this word is refused, so that a test can provoke it."""

JSON_TYPES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a decimal",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    type(None): "null",
}
"""What OpenAI calls the types that a decoded body may hold."""

SVG_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How long the author of an SVG may reason."""


def named_model(fields: Mapping[str, Any]) -> Model:
    """Return the model that the request names."""
    name = text(fields, "model")
    if name not in MODELS:
        raise model_not_found(name)
    return MODELS[name]


def missing(name: str) -> OpenAIError:
    """Return the response to a request without a field that it must have."""
    return invalid(name, "missing_required_parameter", f"Missing required parameter: '{name}'.")


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return the value of a text field that the request must have."""
    if name not in fields:
        raise missing(name)
    return typed(name, fields[name], str)


def typed(name: str, value: object, wanted: type[T]) -> T:
    """Return the value if it is of the wanted JSON type (to JSON, a boolean is no number)."""
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        problem = f"expected {JSON_TYPES[wanted]}, but got {JSON_TYPES[type(value)]} instead."
        raise invalid(name, "invalid_type", f"Invalid type for '{name}': {problem}")
    return value


def check_field(family: Family, name: str, value: Any) -> None:
    """Refuse a field that the models do not know, or a value that they do not take."""
    if name in family.choices:
        check_choice(name, value, family.choices[name])
    elif name in family.integers:
        typed(name, value, int)
        check_bounds(name, value, *family.integers[name][:2])
    elif name == "size":
        if problem := family.sizes.problem(typed(name, value, str)):
            raise invalid(name, "invalid_value", problem)
    elif name in ("model", "prompt", "user", "safety_identifier"):
        typed(name, value, str)
    elif name == "stream" and not family.is_dall_e:
        typed(name, value, bool)
    elif name == "svg" and "svg" in family.choices.get("output_format", ()):
        check_svg(value)
    else:
        raise unknown(name)


def unknown(name: str) -> OpenAIError:
    """Return the response to a field that the models do not have."""
    return invalid(name, "unknown_parameter", f"Unknown parameter: '{name}'.")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not on the field's list."""
    if (chosen := typed(name, value, str)) not in choices:
        raise invalid(name, "invalid_value", unsupported(chosen, choices))


def check_bounds(name: str, value: int, lowest: int, highest: int) -> None:
    """Refuse a number out of its bounds."""
    if value < lowest:
        problem = f"integer below minimum value. Expected a value >= {lowest}, but got {value}"
        raise invalid(name, "integer_below_min_value", f"Invalid '{name}': {problem} instead.")
    if value > highest:
        problem = f"integer above maximum value. Expected a value <= {highest}, but got {value}"
        raise invalid(name, "integer_above_max_value", f"Invalid '{name}': {problem} instead.")


def check_svg(value: object) -> None:
    """Refuse an object `svg` that is not `{model, reasoning: {effort}}`."""
    svg = typed("svg", value, dict)
    text({f"svg.{name}": part for name, part in svg.items()}, "svg.model")
    if extra := sorted(svg.keys() - {"model", "reasoning"}):
        raise unknown(f"svg.{extra[0]}")
    reasoning = typed("svg.reasoning", svg.get("reasoning", {}), dict)
    if extra := sorted(reasoning.keys() - {"effort"}):
        raise unknown(f"svg.reasoning.{extra[0]}")
    if "effort" in reasoning:
        check_choice("svg.reasoning.effort", reasoning["effort"], SVG_EFFORTS)


def check_combinations(fields: Mapping[str, Any]) -> None:
    """Refuse combinations of values that are valid alone."""
    output_format = fields.get("output_format", "png")
    if fields.get("background") == "transparent" and output_format in ("jpeg", "gif"):
        problem = f"Transparent background is not supported for {output_format.upper()}"
        raise invalid("background", "invalid_value", f"{problem} output format.")
    if fields.get("output_compression", 100) < 100 and output_format not in ("jpeg", "webp"):
        problem = f"Compression less than 100 is not supported for {output_format.upper()}"
        raise invalid("output_compression", "invalid_value", f"{problem} output format.")
    if fields.get("partial_images", 0) and not fields.get("stream"):
        message = "Partial images are only supported when streaming."
        raise invalid("partial_images", "invalid_value", message)
    check_previews(fields, output_format)


def check_previews(fields: Mapping[str, Any], output_format: str) -> None:
    """Refuse fields that GIF and SVG exclude, and their own fields with other formats."""
    for name, owner in (("frame_count", "gif"), ("frame_duration_ms", "gif"), ("svg", "svg")):
        if name in fields and output_format != owner:
            message = f"'{name}' is only supported with output_format '{owner}'."
            raise invalid(name, "invalid_value", message)
    if output_format in ("gif", "svg") and fields.get("stream"):
        message = f"Streaming is not supported for {output_format.upper()} output format."
        raise invalid("stream", "invalid_value", message)
    if output_format == "svg" and fields.get("n", 1) != 1:
        raise invalid("n", "invalid_value", "SVG output format requires 'n' to be 1.")


def check_prompt(family: Family, prompt: str) -> None:
    """Refuse a prompt that is empty, too long, not Unicode, or forbidden."""
    if not prompt:
        raise invalid("prompt", "empty_string", "Invalid 'prompt': empty string.")
    if len(prompt) > family.prompt_characters:
        problem = f"Expected a string with maximum length {family.prompt_characters}"
        problem = f"string too long. {problem}, but got one with length {len(prompt)} instead."
        raise invalid("prompt", "string_above_max_length", f"Invalid 'prompt': {problem}")
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise invalid("prompt", "invalid_value", "Invalid 'prompt': not valid Unicode.")
    if REFUSED_WORD.search(prompt):
        raise content_policy_violation() if family.is_dall_e else moderation_blocked("input")
