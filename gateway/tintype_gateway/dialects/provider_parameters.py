"""The provider's own fields at the top level of a request, such as `imageGenerationConfig`.

Some of them mean a standard field: `imageGenerationConfig.quality` is `quality`. These are lifted
out, so that the model's limits, its prices and the list of adjustments hold for them too. The
remaining fields go to the provider unchanged.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tintype_catalog.catalog import Model
from tintype_gateway.errors import UnsupportedParameterError

INTEGERS = frozenset({"seed", "output_compression", "width", "height"})
MAX_EDGE_PIXELS = 65535


class Lifted(NamedTuple):
    """Provider parameters, parted by meaning."""

    standard: dict[str, Any]
    """What means a standard field, or a part of `size`, by its standard name."""

    extras: dict[str, Any]
    """What only the provider understands."""


def lift(given: Mapping[str, object], model: Model) -> Lifted:
    """Part the provider parameters of a request, or of a server's defaults.

    Raises:
        UnsupportedParameterError: The model does not take one of them, or not this value.
    """
    if not given:
        return Lifted({}, {})
    for name, value in given.items():
        _check(name, value, model)
    extras: dict[str, Any] = dict(given)
    standard: dict[str, Any] = {}
    for path, meaning in model.equivalents.items():
        parent, _, child = path.partition(".")
        if not child and parent in extras:
            standard[meaning] = _typed(path, meaning, extras.pop(parent))
        elif child and child in extras.get(parent, {}):
            remaining = dict(extras[parent])
            standard[meaning] = _typed(path, meaning, remaining.pop(child))
            extras[parent] = remaining
    return Lifted(standard, {name: value for name, value in extras.items() if value != {}})


def merge(defaults: Any, given: Any) -> Any:
    """Return `given` over `defaults`, where objects are merged field by field."""
    if not (isinstance(defaults, Mapping) and isinstance(given, Mapping)):
        return given
    if not (defaults and given):
        return {**defaults, **given}
    merged = {name: merge(defaults.get(name), value) for name, value in given.items()}
    return {**defaults, **merged}


def _check(name: str, value: object, model: Model) -> None:
    allowed = model.provider_parameters.get(name)
    if allowed is None:
        raise _refused(name, f"the model {model.id!r} does not take it")
    if not allowed:
        return
    if not isinstance(value, Mapping):
        raise _refused(name, f"must be an object with {', '.join(allowed)}")
    for field in sorted(value.keys() - set(allowed)):
        message = f"the model {model.id!r} takes {', '.join(allowed)}"
        raise _refused(f"{name}.{field}"[:64], message)


def _typed(path: str, meaning: str, value: object) -> object:
    if meaning in INTEGERS:
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
            raise _refused(path, "must be an integer of 64 bits")
        if meaning in ("width", "height") and not 0 < value <= MAX_EDGE_PIXELS:
            raise _refused(path, f"must be 1 to {MAX_EDGE_PIXELS}")
    elif not isinstance(value, str):
        raise _refused(path, "must be a string")
    return value


def _refused(path: str, why: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(f"`{path}`: {why}", param=path)
