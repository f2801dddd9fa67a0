"""A catalog with its indexes: immutable, so that a request keeps the prices it started with."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from tintype_catalog.catalog import Binding, Catalog, Model

QUALITIES = ("standard", "hd", "low", "medium", "high", "auto")
STYLES = ("vivid", "natural")

MAX_VIEWS = 256
"""How many allow-lists a snapshot keeps the view of."""

MAX_SUGGESTIONS = 8
"""How many models a message names."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Vocabulary:
    """The words that a request may use because some model knows them."""

    qualities: frozenset[str]
    styles: frozenset[str]
    provider_parameters: Mapping[str, tuple[str, ...]]
    """For each provider parameter the ids of the models that take it."""


@dataclass(frozen=True, eq=False)
class View:
    """What of a snapshot a caller may use. Nothing else exists for that caller."""

    listed: tuple[Model, ...]
    """Each model once, in the order of the catalog."""

    models: Mapping[str, Model]
    """The models by their ids and by each of their aliases."""

    providers: frozenset[str]
    """The labels of the providers that serve them."""

    vocabulary: Vocabulary

    _bindings: Mapping[str, tuple[Binding, ...]] = field(repr=False)
    _all_models: Mapping[str, Model] = field(repr=False)
    _made: dict[str, tuple[Hashable, Any]] = field(default_factory=dict, repr=False)

    def bindings_of(self, model: Model) -> tuple[Binding, ...]:
        """Return the bindings of a model, the preferred ones first."""
        return self._bindings.get(model.name, ())

    def replacement_of(self, model: Model) -> str | None:
        """Return what to use instead of a model, unless the caller may not use that either."""
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

    def once(self, name: str, version: Hashable, make: Callable[[], Result]) -> Result:
        """Return what `make` makes of this view. It is kept, and made anew for another version."""
        kept = self._made.get(name)
        if kept is None or kept[0] != version:
            kept = self._made[name] = (version, make())
        result: Result = kept[1]
        return result


@dataclass(frozen=True)
class Snapshot:
    """One catalog, ready for look-ups."""

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
            catalog: What is served.
            sequence: Tells newer from older.
            revision: That under which it was published. By default the catalog's own.
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

    def view(self, allowed: frozenset[str] | None = None) -> View:
        """Return what a caller may use whose allow-list has these ids of models; None: all."""
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
        bindings = (binding for model in listed for binding in self.bindings_of(model))
        return View(
            listed,
            may_use,
            frozenset(binding.provider for binding in bindings),
            _vocabulary(listed),
            self.bindings,
            self.models,
        )

    def bindings_of(self, model: Model) -> tuple[Binding, ...]:
        """Return the bindings of a model, the preferred ones first."""
        return self.bindings.get(model.name, ())


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
