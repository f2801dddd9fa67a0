"""Reading one catalog after another, of which most is the same every time."""

import json
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict

from tintype_catalog.catalog import SCHEMA_VERSION, Binding, Catalog, Model
from tintype_catalog.contract import Contract

Item = TypeVar("Item", Model, Binding)


class _Envelope(Contract):
    """A catalog whose items are not read yet."""

    model_config = ConfigDict(title="Catalog")

    schema_version: Literal[1] = SCHEMA_VERSION
    models: tuple[Any, ...] = ()
    bindings: tuple[Any, ...] = ()


class CatalogReader:
    """Reads every item that it has not read before, each by itself.

    To read a whole catalog at once would keep Python's other threads, and so the requests of a
    gateway, waiting for as long as it takes.
    """

    def __init__(self) -> None:
        """Begin without a memory."""
        self._models: dict[str, Model] = {}
        self._bindings: dict[str, Binding] = {}

    def read(self, text: bytes) -> Catalog:
        """Return the catalog that `text` holds, whose unchanged items are those of the last one.

        Fields that a newer writer added are passed over.

        Raises:
            ValueError: The text is not a catalog, or of a schema version that we do not know.
        """
        envelope = _Envelope.model_validate_json(text, extra="ignore")
        models = _read(Model, envelope.models, self._models)
        bindings = _read(Binding, envelope.bindings, self._bindings)
        self._models, self._bindings = models, bindings
        return Catalog(models=tuple(models.values()), bindings=tuple(bindings.values()))


def _read(kind: type[Item], items: Iterable[Any], known: dict[str, Item]) -> dict[str, Item]:
    """Return the items by their JSON texts, in their order."""
    texts = map(json.dumps, items)
    return {
        text: known.get(text) or kind.model_validate_json(text, extra="ignore") for text in texts
    }
