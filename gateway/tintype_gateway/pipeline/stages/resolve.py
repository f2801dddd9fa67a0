"""Which model is meant, and who can serve it?"""

import datetime
import random
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.provider_binding import Provider
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.errors import BadRequestError, NotFoundError
from tintype_gateway.observability.spans import traced
from tintype_gateway.values import Route, Target

PROVIDERS: tuple[str, ...] = get_args(Provider)

GLOBAL = "global"
"""The region of a provider that has none."""


@traced("resolve")
def resolve(
    requested: str,
    forced: str | None,
    snapshot: Snapshot,
    *,
    today: datetime.date,
    supports: Callable[[str], bool],
    may_use: Callable[[str], bool] = lambda model_id: True,
    is_healthy: Callable[[str, str], bool] = lambda binding, region: True,
    draw: Callable[[], float] = random.random,
) -> Target:
    """Return the model that a request names and the routes that can serve it, the best one first.

    `forced` is the provider that the request's header names, `today` the day in UTC, `speaks`
    tells the dialects of this gateway, `may_use` the models of the caller, `is_healthy` which
    regions of a binding are, and `draw` gives numbers in [0, 1) to share traffic by.

    Raises:
        NotFoundError: There is no such model, or none for this caller.
        BadRequestError: It makes no pictures, or nobody who may serve it is active.
    """
    prefix, model = _find(requested, snapshot, may_use)
    provider = _forced_provider(prefix, forced)
    if not model.output_modality.image:
        raise BadRequestError(
            f"the model {requested!r} does not make images: choose one whose supported_features "
            "hold `image_generation`",
            code="unsupported_modality",
            param="model",
        )
    bindings = snapshot.bindings_of(model)
    if provider is not None:
        bindings = _of_provider(bindings, provider, requested)
    _refuse_retired(model, requested, today)
    usable = [item for item in bindings if item.active and item.weight and supports(item.dialect)]
    if not usable:
        raise _inactive(requested, "none of its providers is switched on")
    routes = [route for binding in _shuffled(usable, draw) for route in _routes(binding)]
    return Target(requested, model, _healthy_first(routes, is_healthy))


def find_model(requested: str, snapshot: Snapshot, may_use: Callable[[str], bool]) -> Model:
    """Return the model of an id, an alias, or either behind a provider's prefix.

    Raises:
        NotFoundError: There is no such model, or none for this caller.
    """
    return _find(requested, snapshot, may_use)[1]


def _find(
    requested: str, snapshot: Snapshot, may_use: Callable[[str], bool]
) -> tuple[str | None, Model]:
    prefix, _, model_id = requested.partition("/")
    model = snapshot.models.get(requested)
    if model is not None and may_use(model.id):
        return None, model
    model = snapshot.models.get(model_id) if prefix in PROVIDERS else None
    if model is not None and may_use(model.id):
        return prefix, model
    raise NotFoundError(
        f"the model {requested!r} does not exist: GET /v1/models lists those that do",
        code="model_not_found",
        param="model",
    )


def _forced_provider(prefix: str | None, header: str | None) -> str | None:
    if header is not None and header not in PROVIDERS:
        raise BadRequestError(
            f"the header X-Quantized-Provider must be one of {', '.join(PROVIDERS)}",
            code="unknown_provider",
        )
    if prefix and header and prefix != header:
        raise BadRequestError(
            f"the model says {prefix!r} and the header X-Quantized-Provider says {header!r}: "
            "leave one of them out",
            code="conflicting_providers",
            param="model",
        )
    return prefix or header


def _of_provider(
    bindings: tuple[Binding, ...], provider: str, requested: str
) -> tuple[Binding, ...]:
    chosen = tuple(binding for binding in bindings if binding.provider == provider)
    if not chosen:
        others = ", ".join(sorted({binding.provider for binding in bindings})) or "nobody"
        raise BadRequestError(
            f"the provider {provider!r} does not serve {requested!r}: {others} does",
            code="provider_not_available",
            param="model",
        )
    return chosen


def _refuse_retired(model: Model, requested: str, today: datetime.date) -> None:
    lifecycle = model.lifecycle
    if lifecycle.state(today) == "Retired":
        instead = f": use {lifecycle.replacement!r} instead" if lifecycle.replacement else ""
        raise _inactive(requested, f"it was retired on {lifecycle.retires_on}{instead}")


def _inactive(requested: str, why: str) -> BadRequestError:
    return BadRequestError(
        f"No active providers for the model {requested!r}: {why}",
        code="no_active_providers",
        param="model",
    )


def _shuffled(bindings: Iterable[Binding], draw: Callable[[], float]) -> list[Binding]:
    """Order by priority, and within one priority at random in proportion to weight.

    Sorting by `u ** (1 / weight)` with u uniform in [0, 1) draws without replacement by weight
    (Efraimidis and Spirakis, 2006).
    """
    return sorted(
        bindings, key=lambda binding: (binding.priority, -(draw() ** (1 / binding.weight)))
    )


def _routes(binding: Binding) -> Iterator[Route]:
    """Yield the ways over a binding's regions, the preferred one first."""
    for region in binding.regions or (GLOBAL,):
        yield Route(binding, region)


def _healthy_first(
    routes: Iterable[Route], is_healthy: Callable[[str, str], bool]
) -> tuple[Route, ...]:
    """Order routes so that the unhealthy ones are the last resort, which is never given up."""
    return tuple(sorted(routes, key=lambda route: not is_healthy(route.binding.name, route.region)))
