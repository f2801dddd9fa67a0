"""What does the request mean for this model?

The model's rules are data (`parameters` of an ImageModel): each standard field is accepted,
mapped, clamped, stripped or rejected. What was changed is listed, and under strict handling every
change is an error instead. Values that the server itself filled in are no changes.
"""

from collections.abc import Mapping
from typing import Any, Literal

from tintype_catalog.catalog import Model
from tintype_catalog.image_model import ParameterRule, Parameters
from tintype_catalog.sizes import Size, SizeChoice, choose
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.values import Job, ValidRequest

Handling = Literal["lenient", "strict"]

DEFAULT_SIZE = "1024x1024"

_FORWARDED = ("user", "safety_identifier")


def adapt(request: ValidRequest, model: Model, handling: Handling) -> Job:
    """Return what the model is asked for, in its own values.

    Raises:
        UnsupportedParameterError: The model does not take a field or a value of the request.
    """
    fields, limits = request.fields, model.limits
    _check_limit("prompt", "characters", len(fields.prompt), limits.max_prompt_characters)
    _check_limit("n", "images", fields.n, limits.max_images_per_request)
    changes = _Changes(model, handling)
    asked = fields.model_dump(exclude_none=True)
    parameters = {name: asked[name] for name in _FORWARDED if name in asked} | _parameters(
        asked, model, changes
    )
    if "output_compression" in parameters and parameters.get("output_format", "png") == "png":
        del parameters["output_compression"]
        changes.strip("output_compression", asked)
    return Job(
        prompt=fields.prompt,
        images=fields.n,
        size=_size(asked, model, changes),
        parameters=parameters,
        extras=_extras(request.provider_parameters, model),
        adjustments=tuple(changes.made),
    )


class _Changes:
    """The changes to what the client sent. Under strict handling the first one is an error."""

    def __init__(self, model: Model, handling: Handling) -> None:
        self._model = model
        self._handling = handling
        self.made: list[str] = []

    def strip(self, name: str, asked: Mapping[str, Any]) -> None:
        if name in asked:
            self._add(name, "stripped", "does not take it")

    def replace(self, name: str, old: object, new: object) -> None:
        if old != new:
            self._add(name, f"{old}->{new}", f"would get {new!r} for {old!r}")

    def _add(self, name: str, change: str, why: str) -> None:
        if self._handling == "strict":
            raise UnsupportedParameterError(
                f"`{name}`: the model {self._model.id!r} {why}, and handling is strict",
                param=name,
            )
        self.made.append(f"{name}={change}")


def _parameters(asked: Mapping[str, Any], model: Model, changes: _Changes) -> dict[str, str | int]:
    taken: dict[str, str | int] = {}
    for name in Parameters.model_fields:
        rule: ParameterRule = getattr(model.parameters, name)
        value = asked.get(name, model.defaults.get(name))
        if value is None:
            continue
        result = _apply(rule, name, value, model)
        if result is None:
            changes.strip(name, asked)
        else:
            taken[name] = result
            if name in asked:
                changes.replace(name, value, result)
    return taken


def _apply(rule: ParameterRule, name: str, value: Any, model: Model) -> str | int | None:
    """Return the model's value, or None where the field is left out."""
    match rule.handling:
        case "Accept":
            return value  # type: ignore[no-any-return]  # of the request's schema
        case "Clamp":
            return min(max(int(value), rule.minimum or 0), rule.maximum or 0)
        case "Map" if value in rule.values:
            return rule.values[value]
        case "Strip":
            return None
        case "Map" if rule.otherwise == "Strip":
            return None
        case "Map":
            raise UnsupportedParameterError(
                f"`{name}`: the model {model.id!r} takes {', '.join(rule.values)}",
                param=name,
                code="unsupported_value",
            )
    raise UnsupportedParameterError(
        f"`{name}`: the model {model.id!r} does not take it", param=name
    )


def _size(asked: Mapping[str, Any], model: Model, changes: _Changes) -> SizeChoice:
    text = str(asked.get("size") or model.defaults.get("size") or DEFAULT_SIZE)
    wish = None if text == "auto" else Size.parse(text)
    choice = choose(model.size, wish)
    if "size" in asked and wish is not None:
        if choice.size is None:
            changes.strip("size", asked)
        else:
            changes.replace("size", text, str(choice.size))
    return choice


def _extras(given: Mapping[str, object], model: Model) -> dict[str, object]:
    for name, value in given.items():
        allowed = model.provider_parameters.get(name)
        if allowed is None:
            raise UnsupportedParameterError(
                f"`{name}`: the model {model.id!r} does not take it", param=name
            )
        unknown = sorted(set(value) - set(allowed)) if allowed and isinstance(value, dict) else []
        if unknown:
            raise UnsupportedParameterError(
                f"`{name}.{unknown[0]}`: the model {model.id!r} takes {', '.join(allowed)}",
                param=f"{name}.{unknown[0]}",
            )
    defaults = {
        name: model.defaults[name] for name in model.provider_parameters.keys() & model.defaults
    }
    return {**defaults, **given}


def _check_limit(name: str, unit: str, value: int, limit: int) -> None:
    if value > limit:
        raise UnsupportedParameterError(
            f"`{name}` has {value} {unit}: this model takes at most {limit}",
            param=name,
            code="unsupported_value",
        )
