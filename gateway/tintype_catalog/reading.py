"""Reads successive catalogs, which are mostly equal."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict

from tintype_catalog.catalog import SCHEMA_VERSION, Binding, Catalog, Model
from tintype_catalog.contract import Contract
from tintype_catalog.envelope import cut

BATCH_ITEMS = 200
"""How many items are parsed between two calls of `after_batch`."""

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

    def __init__(self, after_batch: Callable[[], object] = lambda: None) -> None:
        """Start with an empty cache.

        Args:
            after_batch: Called after every `BATCH_ITEMS` items that were parsed, counted over all
                catalogs, so that what has to be done for new items is done in steps, too.
        """
        self._models: dict[str, Model] = {}
        self._bindings: dict[str, Binding] = {}
        self._after_batch = after_batch
        self._parsed = 0

    def read(self, text: bytes) -> Catalog:
        """Parse a catalog, reusing the unchanged items of the last one.

        Unknown fields are ignored.

        Raises:
            ValueError: The text is not a catalog, or of an unknown schema version.
        """
        envelope = _Envelope.model_validate(cut(text), extra="ignore")
        models = self._read(Model, envelope.models, self._models)
        bindings = self._read(Binding, envelope.bindings, self._bindings)
        self._models, self._bindings = models, bindings
        return Catalog(models=tuple(models.values()), bindings=tuple(bindings.values()))

    def _read(
        self, kind: type[Item], texts: Iterable[str], known: dict[str, Item]
    ) -> dict[str, Item]:
        """Return the items by their JSON texts, in order."""
        return {text: known.get(text) or self._parse(kind, text) for text in texts}

    def _parse(self, kind: type[Item], text: str) -> Item:
        item = kind.model_validate_json(text, extra="ignore")
        self._parsed += 1
        if self._parsed % BATCH_ITEMS == 0:
            self._after_batch()
        return item
