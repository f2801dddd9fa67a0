"""Reads successive catalogs, which are mostly equal."""

import json
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict

from tintype_catalog.catalog import SCHEMA_VERSION, Binding, Catalog, Model
from tintype_catalog.contract import Contract

Item = TypeVar("Item", Model, Binding)


class _Envelope(Contract):
    """A catalog whose items are not parsed yet."""

    model_config = ConfigDict(title="Catalog")

    schema_version: Literal[1] = SCHEMA_VERSION
    models: tuple[Any, ...] = ()
    bindings: tuple[Any, ...] = ()


class CatalogReader:
    """Parses only items that it has not parsed before, one at a time.

    Parsing a whole catalog at once would block Python's other threads, and so the requests of a
    gateway.
    """

    def __init__(self) -> None:
        """Start with an empty cache."""
        self._models: dict[str, Model] = {}
        self._bindings: dict[str, Binding] = {}

    def read(self, text: bytes) -> Catalog:
        """Parse a catalog, reusing the unchanged items of the last one.

        Unknown fields are ignored.

        Raises:
            ValueError: The text is not a catalog, or of an unknown schema version.
        """
        envelope = _Envelope.model_validate_json(text, extra="ignore")
        models = _read(Model, envelope.models, self._models)
        bindings = _read(Binding, envelope.bindings, self._bindings)
        self._models, self._bindings = models, bindings
        return Catalog(models=tuple(models.values()), bindings=tuple(bindings.values()))


def _read(kind: type[Item], items: Iterable[Any], known: dict[str, Item]) -> dict[str, Item]:
    """Return the items by their JSON texts, in order."""
    texts = map(json.dumps, items)
    return {
        text: known.get(text) or kind.model_validate_json(text, extra="ignore") for text in texts
    }
