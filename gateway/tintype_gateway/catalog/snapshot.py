"""A catalog with its indexes. It is immutable, so that the prices of a request do not change."""

import asyncio
import weakref
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar

from tintype_catalog.catalog import Binding, Catalog, Model

QUALITIES = ("standard", "hd", "low", "medium", "high", "auto")
STYLES = ("vivid", "natural")

MAX_VIEWS = 256
"""The number of allow-lists whose views a snapshot caches."""

MAX_SUGGESTIONS = 8
"""How many models a message names."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Vocabulary:
    """The values that a request may use because at least one model accepts them."""

    qualities: frozenset[str]
    styles: frozenset[str]
    provider_parameters: Mapping[str, tuple[str, ...]]
    """The ids of the models that accept each provider parameter."""


@dataclass(frozen=True, eq=False)
class View:
    """The part of a snapshot that a caller may use. The rest does not exist for the caller."""

    listed: tuple[Model, ...]
    """Each model once, in catalog order."""

    models: Mapping[str, Model]
    """The models by their ids and by each of their aliases."""

    providers: frozenset[str]
    """The labels of the providers of these models."""

    vocabulary: Vocabulary

    price_changes: tuple[datetime, ...]
    """The moments at which prices change, in order."""

    _bindings: Mapping[str, tuple[Binding, ...]] = field(repr=False)
    _all_models: Mapping[str, Model] = field(repr=False)
    _made: dict[str, tuple[Hashable, Any]] = field(default_factory=dict, repr=False)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def bindings_of(self, model: Model) -> tuple[Binding, ...]:
        """Return the bindings of a model, the preferred ones first."""
        return self._bindings.get(model.name, ())

    def price_period(self, moment: datetime) -> int:
        """Return a number that is equal for all moments between two changes of prices."""
        return bisect_right(self.price_changes, moment)

    def replacement_of(self, model: Model) -> str | None:
        """Return the replacement of a model, or None if the caller may not use it."""
        replacement = model.lifecycle.replacement
        hidden = replacement in self._all_models and replacement not in self.models
        return None if hidden else replacement

    def suggestion(self, suits: Callable[[Model], bool]) -> str:
        """Return the end of a message: which models that the caller may use suit, if any does."""
        names = [model.id for model in self.listed if suits(model)]
        shown = ", ".join(names[:MAX_SUGGESTIONS])
        if not names:
            return ""
        others = len(names) - MAX_SUGGESTIONS
        return f": use {shown}" + (f" or {others} others of GET /v1/models" if others > 0 else "")

    async def once(self, name: str, version: Hashable, make: Callable[[], Result]) -> Result:
        """Return `make()`, cached until the version changes.

        It is made in a thread, by the first of those that ask for it: with thousands of models it
        takes a second.
        """
        async with self._making:
            kept = self._made.get(name)
            if kept is None or kept[0] != version:
                kept = self._made[name] = (version, await asyncio.to_thread(make))
        result: Result = kept[1]
        return result


@dataclass(frozen=True)
class Snapshot:
    """One catalog with indexes for look-ups."""

    catalog: Catalog
    revision: str
    sequence: int
    models: Mapping[str, Model]
    """Every model by its id and by each of its aliases."""

    bindings: Mapping[str, tuple[Binding, ...]]
    """The bindings of each model, by the model's object name, the preferred ones first."""

    _views: dict[frozenset[str] | None, View] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, catalog: Catalog, sequence: int, revision: str | None = None) -> Self:
        """Return the snapshot of a catalog.

        Args:
            catalog: The compiled catalog.
            sequence: Orders catalogs: a newer one has a higher number.
            revision: The published revision. By default the catalog's own.
        """
        bindings: defaultdict[str, list[Binding]] = defaultdict(list)
        for binding in sorted(catalog.bindings, key=lambda binding: binding.priority):
            bindings[binding.model_ref.name].append(binding)
        return cls(
            catalog=catalog,
            revision=revision or catalog.revision(),
            sequence=sequence,
            models={
                model_id: model
                for model in catalog.models
                for model_id in (model.id, *model.aliases)
            },
            bindings={name: tuple(group) for name, group in bindings.items()},
        )

    def prepared(self) -> Self:
        """Return itself, with all done that would stop an event loop if a request did it.

        That is the view of all models; and to free thousands of them takes long, too: when the last
        request has let go of the snapshot, a thread lets go of its items, one after the other.
        """
        self.view()
        items: list[Model | Binding] = [*self.catalog.models, *self.catalog.bindings]
        weakref.finalize(self, _let_go, items).atexit = False
        return self

    def view(self, allowed: frozenset[str] | None = None) -> View:
        """Return the view of a caller whose allow-list has these model ids; None: all models."""
        if (view := self._views.get(allowed)) is None:
            if len(self._views) >= MAX_VIEWS:
                del self._views[next(iter(self._views))]
            view = self._views[allowed] = self._view(allowed)
        return view

    def _view(self, allowed: frozenset[str] | None) -> View:
        may_use = {
            name: model
            for name, model in self.models.items()
            if allowed is None or model.id in allowed
        }
        listed = tuple(model for model in self.catalog.models if model.id in may_use)
        bindings = [binding for model in listed for binding in self.bindings_of(model)]
        return View(
            listed,
            may_use,
            frozenset(binding.provider for binding in bindings),
            _vocabulary(listed),
            tuple(sorted(change.moment for each in bindings for change in each.price_changes)),
            self.bindings,
            self.models,
        )

    def bindings_of(self, model: Model) -> tuple[Binding, ...]:
        """Return the bindings of a model, the preferred ones first."""
        return self.bindings.get(model.name, ())


def _let_go(items: list[Model | Binding]) -> None:
    """Empty a list in a thread, once the snapshot that is about to end has ended."""
    with suppress(RuntimeError):  # there is no event loop to spare
        loop = asyncio.get_running_loop()
        loop.call_soon(_empty_in_a_thread, loop, items)


def _empty_in_a_thread(loop: asyncio.AbstractEventLoop, items: list[Model | Binding]) -> None:
    with suppress(RuntimeError):  # the program is about to end, and has no threads any more
        _ = loop.run_in_executor(None, _empty, items)


def _empty(items: list[Model | Binding]) -> None:
    while items:
        items.pop()


def _vocabulary(models: Sequence[Model]) -> Vocabulary:
    parameters: defaultdict[str, list[str]] = defaultdict(list)
    for model in models:
        for name in model.provider_parameters:
            parameters[name].append(model.id)
    rules = [model.parameters for model in models]
    return Vocabulary(
        qualities=frozenset(QUALITIES).union(*(rule.quality.values for rule in rules)),
        styles=frozenset(STYLES).union(*(rule.style.values for rule in rules)),
        provider_parameters={name: tuple(ids) for name, ids in parameters.items()},
    )
