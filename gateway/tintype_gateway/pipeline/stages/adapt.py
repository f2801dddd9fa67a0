"""Adapts the parameters of a request to its model.

The model's rules are data (`parameters` of an ImageModel): each standard field is accepted,
mapped, clamped, stripped or rejected. Changes are listed as adjustments; under strict handling each
change is an error instead. Values from the server's defaults are not adjustments.
"""

import math
from collections.abc import Container, Mapping
from typing import Any, Literal, get_args

from tintype_catalog.catalog import Model
from tintype_catalog.checks import default_problems
from tintype_catalog.image_model import ParameterRule, Parameters
from tintype_catalog.operations import GENERATION_RULE, OperationRule
from tintype_catalog.sizes import DEFAULT, Size, SizeChoice, choose, default_size, named
from tintype_gateway.api.requests import ValidRequest
from tintype_gateway.dialects.provider_parameters import Lifted, lift, merge
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.observability.spans import traced
from tintype_gateway.values.job import ConvertibleFormat, Encoding, ImageFormat, Job

Handling = Literal["lenient", "strict"]

DEFAULT_SIZE = "1024x1024"

MAX_KEPT_PIXELS = 1536 * 1024
"""The largest image whose own size the edited one gets unasked: a larger one costs more."""

_FORWARDED = ("user", "safety_identifier")
_PARTS_OF_SIZE = frozenset({"width", "height", "aspect_ratio", "resolution"})
_UNCOMPRESSED = (None, "png", "gif", "svg")
_CONVERTIBLE: Mapping[str, Container[Any]] = {
    "output_format": get_args(ConvertibleFormat),
    "output_compression": range(101),
}
"""The formats of every model, because the gateway converts those that its provider lacks."""

_ADJUSTED = tuple(name for name in Parameters.model_fields if name not in _CONVERTIBLE)
"""The parameters whose values are those of the model's rules."""

_NOT_CONVERTED = frozenset(get_args(ImageFormat)) - frozenset(get_args(ConvertibleFormat))
"""Formats that only models give whose rule lists them."""


@traced("adapt")
def adapt(
    request: ValidRequest,
    model: Model,
    handling: Handling,
    server_defaults: Mapping[str, Any] | None = None,
    *,
    rule: OperationRule = GENERATION_RULE,
    shape: Size | None = None,
) -> Job:
    """Return what the model is asked for, in its own values.

    A request goes before `server_defaults`, and these go before the model's own defaults. `rule`
    is that of the operation. Where no size is asked for, the images get the shape of `shape`, the
    size of the first image of the request.

    Raises:
        UnsupportedParameterError: The model does not take a field or a value of the request.
    """
    fields, limits = request.fields, model.limits
    changes = _Changes(model, handling)
    prompt = _prompt(request, model, rule, changes)
    _check_limit("prompt", "characters", len(prompt), limits.max_prompt_characters)
    _check_limit("n", "images", fields.n, limits.max_images_per_request)
    _check_provider_parameters(request, model)
    own = lift(request.provider_parameters, model)
    given = {name: value for name, value in vars(fields).items() if value is not None}
    asked = _united(given, own.standard, model)
    defaults = _defaults(model, server_defaults or {})
    parameters = {name: asked[name] for name in _FORWARDED if name in asked}
    parameters |= _parameters(asked, defaults.standard, model, changes)
    negative = str(parameters.get("negative_prompt", ""))  # whose providers limit it as the prompt
    _check_limit("negative_prompt", "characters", len(negative), limits.max_prompt_characters)
    own_format, encoding = _encoding(asked, defaults.standard, model, changes)
    parameters |= own_format
    _check_transparency(parameters, encoding)
    return Job(
        prompt=prompt,
        images=fields.n,
        size=_size(asked, defaults.standard, model, changes, shape),
        parameters=parameters,
        extras=merge(defaults.extras, own.extras),
        adjustments=tuple(changes.made),
        encoding=encoding,
        task=rule.task,
        default_size=_default_size(model, shape),
    )


def _prompt(request: ValidRequest, model: Model, rule: OperationRule, changes: "_Changes") -> str:
    """Return the prompt that the provider gets, which is empty where it gets none.

    One that the model does not take is stripped: OpenAI's SDKs send no edit without a prompt.

    Raises:
        UnsupportedParameterError: The model needs a prompt.
    """
    if request.prompt is None and rule.prompt == "Required":
        raise UnsupportedParameterError(
            f"`prompt`: the model {model.id!r} needs one",
            param="prompt",
            code="missing_required_parameter",
        )
    given = request.prompt or ""
    if given and rule.prompt == "None":
        changes.strip("prompt", {"prompt": given})
        given = ""
    return given or rule.default_prompt or ""


def _defaults(model: Model, server_defaults: Mapping[str, Any]) -> Lifted:
    """Return the defaults of model and server in the form of a request.

    Raises:
        UnsupportedParameterError: The model does not accept one of the server's defaults.
    """
    if not (model.defaults or server_defaults):
        return Lifted({}, {})
    for field, message in default_problems(server_defaults, model):
        raise UnsupportedParameterError(f"DEFAULT_MODEL_PARAMS: `{field}`: {message}", param=field)
    merged = merge(model.defaults, server_defaults)
    extras = {name: value for name, value in merged.items() if name in model.provider_parameters}
    standard = {name: value for name, value in merged.items() if name not in extras}
    lifted = lift(extras, model)
    return Lifted(_united(standard, lifted.standard, model), lifted.extras)


def _united(asked: Mapping[str, Any], lifted: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Return the standard fields, with values from the provider's own fields.

    Raises:
        UnsupportedParameterError: The two contradict each other. Only for the negative prompt,
        which
            does not change the price, the provider's own field takes precedence.
    """
    united = dict(asked)
    if not lifted:
        return united
    for name, value in {**lifted, **_lifted_size(asked, lifted, model)}.items():
        if name in _PARTS_OF_SIZE:
            continue
        if name != "negative_prompt" and asked.get(name) not in (None, "auto", value):
            raise UnsupportedParameterError(
                f"`{name}` is {asked[name]!r}, and the provider parameters say {value!r}: "
                "leave one of them out",
                param=name,
            )
        united[name] = value
    return united


def _lifted_size(
    asked: Mapping[str, Any], lifted: Mapping[str, Any], model: Model
) -> dict[str, str]:
    """Return the `size` of width and height, or of aspect ratio and resolution."""
    if "width" in lifted or "height" in lifted:
        default = Size.parse(DEFAULT_SIZE)
        size: Size | None = Size(
            lifted.get("width", default.width), lifted.get("height", default.height)
        )
    elif "aspect_ratio" in lifted or "resolution" in lifted:
        ratio, resolution = lifted.get("aspect_ratio"), lifted.get("resolution")
        size = named(model.size, _wish(asked.get("size")) or DEFAULT, ratio, resolution)
        if size is None:
            offered = [*model.size.ratios, *model.size.resolutions]
            raise UnsupportedParameterError(
                f"the model {model.id!r} offers {', '.join(offered)}",
                param="size",
                code="unsupported_value",
            )
    else:
        return {}
    wish = _wish(asked.get("size"))
    agreed = wish is not None and choose(model.size, wish).size == size
    return {"size": str(wish if agreed else size)}


def _encoding(
    asked: Mapping[str, Any], defaults: Mapping[str, Any], model: Model, changes: "_Changes"
) -> tuple[dict[str, str | int], Encoding | None]:
    """Return the parameters of format for the provider, and the encoding for the client."""
    form = asked.get("output_format", defaults.get("output_format"))
    percent = asked.get("output_compression", defaults.get("output_compression"))
    if form in _UNCOMPRESSED and percent is not None:
        changes.strip("output_compression", asked)
        percent = None
    wanted = {"output_format": form, "output_compression": percent}
    own = {name: _own(name, value, model) for name, value in wanted.items() if value is not None}
    taken = {name: value for name, value in own.items() if value is not None}
    if form is None:
        return {}, None
    if len(taken) < len(own):
        return {}, Encoding(form, percent)
    if "output_compression" in asked and percent is not None:
        changes.replace("output_compression", percent, taken["output_compression"])
    return taken, Encoding(form, percent, by_provider=True)


def _own(name: str, value: Any, model: Model) -> str | int | None:
    """Return the provider's value of a format or compression; None if the gateway must convert.

    Raises:
        UnsupportedParameterError: The model refuses the field, or the value is unknown.
    """
    rule: ParameterRule = getattr(model.parameters, name)
    is_convertible = value in _CONVERTIBLE[name]
    if not is_convertible and value not in get_args(ImageFormat):
        raise UnsupportedParameterError(
            f"`{name}` cannot be {value!r}", param=name, code="unsupported_value"
        )
    if not is_convertible and value not in rule.values:
        made = [
            *get_args(ConvertibleFormat),
            *(word for word in rule.values if word in _NOT_CONVERTED),
        ]
        raise UnsupportedParameterError(
            f"`{name}` is {value!r}: the model {model.id!r} gives {', '.join(made)}",
            param=name,
            code="unsupported_value",
        )
    if rule.handling == "Map" and value not in rule.values:
        return None
    return _apply(rule, name, value, model)


class _Changes:
    """Collects the adjustments of a request. Under strict handling the first one is an error."""

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


def _parameters(
    asked: Mapping[str, Any], defaults: Mapping[str, Any], model: Model, changes: _Changes
) -> dict[str, str | int]:
    taken: dict[str, str | int] = {}
    wanted = {**defaults, **asked}
    for name in _ADJUSTED:
        value = wanted.get(name)
        if value is None:
            continue
        rule: ParameterRule = getattr(model.parameters, name)
        result = _apply(rule, name, value, model)
        if result is None:
            changes.strip(name, asked)
        else:
            taken[name] = result
            if name in asked:
                changes.replace(name, value, result)
    return taken


def _apply(rule: ParameterRule, name: str, value: Any, model: Model) -> str | int | None:
    """Return the model's value, or None if the field is stripped or absent."""
    match rule.handling:
        case "Accept":
            return value  # type: ignore[no-any-return]  # of the request's schema
        case "Clamp" if isinstance(value, int):
            return min(max(value, rule.minimum or 0), rule.maximum or 0)
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


def _size(
    asked: Mapping[str, Any],
    defaults: Mapping[str, Any],
    model: Model,
    changes: _Changes,
    shape: Size | None,
) -> SizeChoice:
    default = _like(shape, model) if shape else DEFAULT_SIZE
    wish = _wish(asked.get("size") or defaults.get("size") or default)
    choice = choose(model.size, wish)
    if "size" in asked and wish is not None:
        if choice.size is None:
            changes.strip("size", asked)
        else:
            changes.replace("size", asked["size"], str(choice.size))
    return choice


def _default_size(model: Model, shape: Size | None) -> Size:
    """Return the size that `auto` stands for: the model's own, or one like the first input."""
    if shape is None:
        return default_size(model.size)
    like = Size.parse(_like(shape, model))
    return choose(model.size, like).size or like


def _like(shape: Size, model: Model) -> str:
    """Return the size of an image where the model offers it, else its shape at default pixels.

    An image that is nearly square becomes square where the model offers nothing nearer.
    """
    if shape.pixels <= MAX_KEPT_PIXELS and choose(model.size, shape).size == shape:
        return str(shape)
    square = Size.parse(DEFAULT_SIZE)
    factor = math.sqrt(square.pixels / shape.pixels)
    like = Size(max(1, round(shape.width * factor)), max(1, round(shape.height * factor)))
    return str(
        min(like, square, key=lambda wish: _distortion(choose(model.size, wish).size, shape))
    )


def _distortion(offered: Size | None, shape: Size) -> float:
    """Return how much an image of this shape would be stretched, 0 if not at all."""
    if offered is None:
        return 0.0
    return abs(math.log(offered.width * shape.height / (offered.height * shape.width)))


def _wish(text: str | None) -> Size | None:
    return None if text in (None, "auto") else Size.parse(str(text))


def _check_provider_parameters(request: ValidRequest, model: Model) -> None:
    for name, models in request.models_that_accept.items():
        if name not in model.provider_parameters:
            raise UnsupportedParameterError(
                f"`{name}` is for {', '.join(models)}: the model {model.id!r} does not take it",
                param=name,
            )


def _check_transparency(parameters: Mapping[str, object], encoding: Encoding | None) -> None:
    """Refuse a transparent jpeg, which the provider would refuse as well."""
    asks_for_jpeg = encoding is not None and encoding.by_provider and encoding.format == "jpeg"
    if asks_for_jpeg and parameters.get("background") == "transparent":
        raise UnsupportedParameterError(
            "`background: transparent` does not go with jpeg: ask for png or webp",
            param="background",
            code="unsupported_value",
        )


def _check_limit(name: str, unit: str, value: int, limit: int) -> None:
    if value > limit:
        raise UnsupportedParameterError(
            f"`{name}` has {value} {unit}: this model takes at most {limit}",
            param=name,
            code="unsupported_value",
        )
