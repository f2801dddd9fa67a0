"""A catalog with its indexes: immutable, so that a request keeps the prices it started with."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tintype_catalog.catalog import Binding, Catalog, Model

QUALITIES = ("standard", "hd", "low", "medium", "high", "auto")
STYLES = ("vivid", "natural")


@dataclass(frozen=True)
class Vocabulary:
    """The words that a request may use because some model knows them."""

    qualities: frozenset[str]
    styles: frozenset[str]
    provider_parameters: Mapping[str, tuple[str, ...]]
    """For each provider parameter the ids of the models that take it."""


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

    vocabulary: Vocabulary

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
            vocabulary=_vocabulary(catalog),
        )

    def bindings_of(self, model: Model) -> tuple[Binding, ...]:
        """Return the bindings of a model, the preferred ones first."""
        return self.bindings.get(model.name, ())


def _vocabulary(catalog: Catalog) -> Vocabulary:
    parameters: defaultdict[str, list[str]] = defaultdict(list)
    for model in catalog.models:
        for name in model.provider_parameters:
            parameters[name].append(model.id)
    rules = [model.parameters for model in catalog.models]
    return Vocabulary(
        qualities=frozenset(QUALITIES).union(*(rule.quality.values for rule in rules)),
        styles=frozenset(STYLES).union(*(rule.style.values for rule in rules)),
        provider_parameters={name: tuple(ids) for name, ids in parameters.items()},
    )
