"""Reads the body of `POST /v1/images/generations` as OpenAI does: the first fault is the answer.

Everything that the model resolves by itself (`auto`, defaults) is resolved here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tintype_simulator.openai.errors import (
    OpenAIError,
    content_policy_violation,
    invalid,
    model_not_found,
    moderation_blocked,
)
from tintype_simulator.openai.models import AUTO_SIZE, MODELS, Family, Model, pixels, unsupported

T = TypeVar("T", str, int, bool)

REFUSED_WORD = re.compile(r"\bforbidden\b", re.IGNORECASE)
"""A prompt with this word is refused: the marker that makes refusals easy to rehearse."""

JSON_TYPES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a decimal",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
}
"""What OpenAI calls the types that a decoded body may hold."""


@dataclass(frozen=True)
class GenerationRequest:
    """A request that passed, with nothing left open."""

    model: Model
    prompt: str
    n: int
    width: int
    height: int
    quality: str
    background: str
    output_format: str
    output_compression: int
    style: str
    stream: bool
    partial_images: int
    safety_identifier: str
    seed: int = 0
    """Drawn: no request can name one."""


def read_generation(body: object) -> GenerationRequest:
    """Return the request in a decoded body.

    Raises:
        OpenAIError: What OpenAI would answer to it.
    """
    if not isinstance(body, dict):
        raise OpenAIError("We could not parse the JSON body of your request.")
    fields = {name: value for name, value in body.items() if value is not None}
    model = named_model(fields)
    for name, value in fields.items():
        check_field(model.family, name, value)
    check_combinations(fields)
    check_prompt(model.family, text(fields, "prompt"))
    return resolved(model, fields)


def named_model(fields: Mapping[str, Any]) -> Model:
    """Return the model that the request names."""
    name = text(fields, "model")
    if name not in MODELS:
        raise model_not_found(name)
    return MODELS[name]


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return a text that must be there."""
    if name not in fields:
        raise invalid(name, "missing_required_parameter", f"Missing required parameter: '{name}'.")
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
        if typed(name, value, str) not in family.choices[name]:
            raise invalid(name, "invalid_value", unsupported(value, family.choices[name]))
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
    else:
        raise invalid(name, "unknown_parameter", f"Unknown parameter: '{name}'.")


def check_bounds(name: str, value: int, lowest: int, highest: int) -> None:
    """Refuse a number out of its bounds."""
    if value < lowest:
        problem = f"integer below minimum value. Expected a value >= {lowest}, but got {value}"
        raise invalid(name, "integer_below_min_value", f"Invalid '{name}': {problem} instead.")
    if value > highest:
        problem = f"integer above maximum value. Expected a value <= {highest}, but got {value}"
        raise invalid(name, "integer_above_max_value", f"Invalid '{name}': {problem} instead.")


def check_combinations(fields: Mapping[str, Any]) -> None:
    """Refuse fields that are right by themselves and wrong together."""
    output_format = fields.get("output_format", "png")
    if fields.get("background") == "transparent" and output_format == "jpeg":
        message = "Transparent background is not supported for JPEG output format."
        raise invalid("background", "invalid_value", message)
    if fields.get("output_compression", 100) < 100 and output_format == "png":
        message = "Compression less than 100 is not supported for PNG output format."
        raise invalid("output_compression", "invalid_value", message)
    if fields.get("partial_images", 0) and not fields.get("stream"):
        message = "Partial images are only supported when streaming."
        raise invalid("partial_images", "invalid_value", message)


def check_prompt(family: Family, prompt: str) -> None:
    """Refuse a prompt that is empty, too long, not text at all, or of a forbidden kind."""
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


def resolved(model: Model, fields: Mapping[str, Any]) -> GenerationRequest:
    """Return a request that is known to be right, with its defaults and `auto` filled in."""
    family = model.family
    given: dict[str, Any] = {name: choices[0] for name, choices in family.choices.items()}
    given |= {name: default for name, (_, _, default) in family.integers.items()} | dict(fields)
    size, quality = given.get("size", family.sizes.default), given["quality"]
    width, height = pixels(AUTO_SIZE if size == "auto" else size)
    return GenerationRequest(
        model=model,
        prompt=given["prompt"],
        n=given["n"],
        width=width,
        height=height,
        quality=family.auto_quality if quality == "auto" else quality,
        background="transparent" if given.get("background") == "transparent" else "opaque",
        output_format=given.get("output_format", "png"),
        output_compression=given.get("output_compression", 100),
        style=given.get("style", "vivid"),
        stream=given.get("stream", False),
        partial_images=given.get("partial_images", 0),
        safety_identifier=given.get("safety_identifier") or given.get("user", ""),
    )
