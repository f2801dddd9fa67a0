"""Finds the model of a request and its routes."""

import datetime
import random
from collections.abc import Callable, Collection

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.operations import OperationName, OperationRule
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.errors import BadRequestError, NotFoundError
from tintype_gateway.observability.spans import traced
from tintype_gateway.values.plan import Operation
from tintype_gateway.values.routes import ForcedProvider, Route, Target


@traced("resolve")
def resolve(
    requested: str,
    forced: ForcedProvider | None,
    view: View,
    *,
    operation: Operation,
    today: datetime.date,
    supports: Callable[[Binding, OperationName], bool],
    is_healthy: Callable[[str, str], bool] = lambda binding, region: True,
    draw: Callable[[], float] = random.random,
) -> Target:
    """Return the model that a request names and the routes that can serve it, the best one first.

    Args:
        requested: What the client wrote in `model`.
        forced: The provider that a header names.
        view: What the caller may use.
        operation: What is asked for.
        today: The day in UTC.
        supports: Whether the provider of a binding can be asked for an operation.
        is_healthy: Whether a region of a binding is.
        draw: Gives numbers in [0, 1), by which traffic is shared.

    Raises:
        NotFoundError: There is no such model, or none for this caller.
        BadRequestError: It makes no images, does not support the operation, or none of its
            providers is active.
    """
    prefix, model = _find(requested, view)
    provider = _forced_provider(prefix, forced, view.providers)
    rule = _rule(model, requested, operation, view)
    bindings = view.bindings_of(model)
    if provider is not None:
        bindings = _of_provider(bindings, provider, requested)
    _refuse_retired(model, requested, today, view)
    usable = [item for item in bindings if item.active and item.weight]
    if not usable:
        raise _inactive(requested, "none of its providers is switched on")
    usable = [item for item in usable if supports(item, operation.rule)]
    if not usable:
        raise _inactive(requested, f"none of its providers can be asked for `{operation.name}`")
    routes = [route for binding in _shuffled(usable, draw) for route in Route.all_of(binding)]
    return Target(requested, model, _healthy_first(routes, is_healthy), rule)


def find_model(requested: str, view: View) -> Model:
    """Return the model of an id or an alias, each with an optional provider prefix.

    Raises:
        NotFoundError: The model does not exist for this caller.
    """
    return _find(requested, view)[1]


def _find(requested: str, view: View) -> tuple[str | None, Model]:
    prefix, _, model_id = requested.partition("/")
    if model := view.models.get(requested):
        return None, model
    if prefix in view.providers and (model := view.models.get(model_id)):
        return prefix, model
    raise NotFoundError(
        f"the model {requested!r} does not exist: GET /v1/models lists those that do",
        code="model_not_found",
        param="model",
    )


def _rule(model: Model, requested: str, operation: Operation, view: View) -> OperationRule:
    if not model.output_modality.image:
        raise BadRequestError(
            f"the model {requested!r} does not make images: choose one whose supported_features "
            f"hold `{operation.feature}`",
            code="unsupported_modality",
            param="model",
        )
    rule = model.operation_rule(operation.rule)
    if rule is None:
        listed = ", ".join(f"`{feature}`" for feature in model.features) or "none"
        raise BadRequestError(
            f"the model {requested!r} does not support `{operation.name}`: its supported_features "
            f"must hold `{operation.feature}`, and are {listed}"
            + view.suggestion(
                lambda each: (
                    each.output_modality.image and each.operation_rule(operation.rule) is not None
                )
            ),
            code="unsupported_operation",
            param="model",
        )
    return rule


def _forced_provider(
    prefix: str | None, forced: ForcedProvider | None, known: Collection[str]
) -> str | None:
    if forced is None:
        return prefix
    if forced.name not in known:
        allowed = f"must be one of {', '.join(sorted(known))}" if known else "leads to no provider"
        raise BadRequestError(
            f"the header {forced.header} is {forced.sent!r:.70}: it {allowed}",
            code="unknown_provider",
            param=forced.header,
        )
    if prefix and prefix != forced.name:
        raise BadRequestError(
            f"the model says {prefix!r} and the header {forced.header} says {forced.sent!r}: "
            "leave one of them out",
            code="conflicting_providers",
            param="model",
        )
    return forced.name


def _of_provider(
    bindings: tuple[Binding, ...], provider: str, requested: str
) -> tuple[Binding, ...]:
    chosen = tuple(binding for binding in bindings if binding.provider == provider)
    if not chosen:
        others = ", ".join(sorted({binding.provider for binding in bindings})) or "no provider"
        raise BadRequestError(
            f"the provider {provider!r} does not serve {requested!r}: {others} does",
            code="provider_not_available",
            param="model",
        )
    return chosen


def _refuse_retired(model: Model, requested: str, today: datetime.date, view: View) -> None:
    lifecycle = model.lifecycle
    if lifecycle.state(today) == "Retired":
        replacement = view.replacement_of(model)
        instead = f": use {replacement!r} instead" if replacement else ""
        raise _inactive(requested, f"it was retired on {lifecycle.retires_on}{instead}")


def _inactive(requested: str, why: str) -> BadRequestError:
    return BadRequestError(
        f"No active providers for the model {requested!r}: {why}",
        code="no_active_providers",
        param="model",
    )


def _shuffled(bindings: Collection[Binding], draw: Callable[[], float]) -> list[Binding]:
    """Order by priority, and within one priority at random in proportion to weight.

    Sorting by `u ** (1 / weight)` with u uniform in [0, 1) draws without replacement by weight
    (Efraimidis and Spirakis, 2006).
    """
    if len(bindings) == 1:
        return [*bindings]
    return sorted(
        bindings, key=lambda binding: (binding.priority, -(draw() ** (1 / binding.weight)))
    )


def _healthy_first(
    routes: Collection[Route], is_healthy: Callable[[str, str], bool]
) -> tuple[Route, ...]:
    """Order routes: healthy ones first. Unhealthy ones stay as the last resort."""
    if len(routes) == 1:
        return (*routes,)
    return tuple(sorted(routes, key=lambda route: not is_healthy(route.binding.name, route.region)))
