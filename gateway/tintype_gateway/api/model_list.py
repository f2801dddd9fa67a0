"""The bodies of `GET /v1/models`: OpenAI's fields, and further ones from the catalog."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any, get_args

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.contract import Contract
from tintype_catalog.image_model import ParameterRule, Parameters
from tintype_catalog.operations import OperationRule
from tintype_catalog.price_changes import next_change, price_at
from tintype_catalog.pricing import Pricing
from tintype_gateway.api.operations import OPERATIONS
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.dialects.registry import streams
from tintype_gateway.values.job import ConvertibleFormat

ACCEPTED = ParameterRule(handling="Accept")

_CONVERTED = get_args(ConvertibleFormat)


def describe(
    model: Model, view: View, now: datetime.datetime, supports: Callable[[str], bool]
) -> dict[str, Any]:
    """Return the body of `GET /v1/models/{id}`.

    `active` is whether the gateway would serve a request at the time `now` (UTC), and `cost` the
    price that it would have; `supports` tells whether the gateway has a dialect.
    """
    bindings = view.bindings_of(model)
    state = model.lifecycle.state(now.date())
    usable = [item for item in bindings if item.active and item.weight and supports(item.dialect)]
    return {
        "id": model.id,
        "object": "model",
        "created": _seconds(model.lifecycle.released_on),
        "owned_by": model.owned_by,
        "shutdown_date": _date(model.lifecycle.retires_on),
        "display_name": model.display_name or model.id,
        "aliases": list(model.aliases),
        "active": bool(usable) and state != "Retired" and _makes_images(model),
        "supported_features": _features(model),
        "operations": {name: _operation(rule) for name, rule in model.rules.items()},
        "output_modality": model.output_modality.model_dump(),
        "watermark": model.watermark,
        "limits": model.limits.model_dump(by_alias=False) | _preview_limit(usable),
        "size": {"mode": model.size.mode} | _plain(model.size),
        "parameters": {name: _plain(_rule(model, name)) for name in Parameters.model_fields},
        "provider_parameters": {
            name: list(fields) for name, fields in model.provider_parameters.items()
        },
        "defaults": dict(model.defaults),
        "lifecycle": {
            "state": state,
            "released_on": _date(model.lifecycle.released_on),
            "deprecated_on": _date(model.lifecycle.deprecated_on),
            "retires_on": _date(model.lifecycle.retires_on),
            "replacement": view.replacement_of(model),
        },
        **_costs(usable or bindings, now),
        "providers": [_provider(binding, now) for binding in bindings],
    }


def _makes_images(model: Model) -> bool:
    """Return whether a model supports any operation."""
    features = {operation.feature for operation in OPERATIONS}
    return model.output_modality.image and not features.isdisjoint(model.features)


def _features(model: Model) -> list[str]:
    """Return the features of a model. The gateway adds streaming to every model."""
    ours = ["streaming"] if model.output_modality.image else []
    return list(dict.fromkeys([*model.features, *ours]))


def _operation(rule: OperationRule) -> dict[str, Any]:
    """Return what an operation takes, with the defaults and without the bounds that it lacks."""
    shown = None if rule.max_images else {"task", "prompt", "default_prompt"}
    return rule.model_dump(mode="json", by_alias=False, include=shown, exclude_none=True)


def _rule(model: Model, name: str) -> ParameterRule:
    """Return the handling of a parameter. The gateway converts formats that a provider lacks."""
    rule: ParameterRule = getattr(model.parameters, name)
    converted = name in ("output_format", "output_compression")

    if not converted or rule.handling not in ("Strip", "Map"):
        return rule
    own = [form for form in rule.values if form not in _CONVERTED and name == "output_format"]
    if not own:
        return ACCEPTED
    return ParameterRule(handling="Map", values={form: form for form in (*_CONVERTED, *own)})


def _provider(binding: Binding, now: datetime.datetime) -> dict[str, Any]:
    return {
        "provider": binding.provider,
        "binding": binding.name,
        "active": binding.active,
        "regions": list(binding.regions),
        **_costs([binding], now),
    }


def _preview_limit(bindings: Sequence[Binding]) -> dict[str, int]:
    """Return the most previews of an image in a stream, over the enabled bindings."""
    return {"max_partial_images": 3 if any(map(streams, bindings)) else 0}


def _costs(bindings: Sequence[Binding], now: datetime.datetime) -> dict[str, Any]:
    """Return the price at the first binding and its next price, with amounts as decimal strings."""
    if not bindings:
        return {"cost": None, "next_cost": None}
    pricing, changes = bindings[0].pricing, bindings[0].price_changes
    coming = next_change(changes, now)
    return {
        "cost": _cost(price_at(pricing, changes, now)),
        "next_cost": None if coming is None else _cost(coming),
    }


def _cost(pricing: Pricing) -> dict[str, Any]:
    return {"currency": pricing.currency} | _plain(pricing)


def _plain(value: Contract) -> dict[str, Any]:
    """Return a part of the catalog in the API's form: snake_case, without default values."""
    return value.model_dump(mode="json", by_alias=False, exclude_defaults=True)


def _seconds(day: datetime.date | None) -> int:
    """Return the Unix seconds of the start of a day in UTC, or 0 for an unknown day."""
    if day is None:
        return 0
    return int(datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp())


def _date(day: datetime.date | None) -> str | None:
    return None if day is None else day.isoformat()
