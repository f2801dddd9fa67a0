"""The compiled snapshot of all models and bindings, which gateways read."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal, Self

from tintype_catalog.contract import Contract, ObjectName
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.price_changes import price_at
from tintype_catalog.provider_binding import ProviderBindingSpec

SCHEMA_VERSION: Final = 1


class Model(ImageModelSpec):
    """An ImageModel in the catalog."""

    name: ObjectName
    """The name of its Kubernetes object."""


class Binding(ProviderBindingSpec):
    """A ProviderBinding in the catalog. With a `serviceRef`, its `endpoint` is the Service's URL.

    A gateway that does not know `serviceRef` therefore calls the Service, and never sends its
    credentials to the provider's own host.
    """

    name: ObjectName
    """The name of its Kubernetes object."""

    def at(self, moment: datetime) -> Self:
        """Return the binding with the price of a moment as its `pricing`, which changes no more.

        It is the binding itself where it has one price only.
        """
        if not self.price_changes:
            return self
        pricing = price_at(self.pricing, self.price_changes, moment)
        return self.model_copy(update={"pricing": pricing, "price_changes": ()})


Entry = Model | Binding


def canonical(entry: Entry) -> str:
    """Return the canonical JSON text of an entry: equal entries are equal texts."""
    content = entry.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


class Catalog(Contract):
    """All models and bindings, each sorted by name, so that equal content is equal bytes."""

    schema_version: Literal[1] = SCHEMA_VERSION
    """The schema version, which changes only with the meaning. Readers refuse unknown versions."""

    models: tuple[Model, ...] = ()
    """Every accepted model."""

    bindings: tuple[Binding, ...] = ()
    """Every accepted binding, each to one of the models."""

    def to_json(self, text_of: Callable[[Entry], str] = canonical) -> bytes:
        """Return the canonical JSON text of the catalog, which is digested and published.

        Its keys are sorted, because equal mappings may differ in order. It is made item by item, as
        one call for all of it would block Python's other threads. `text_of` returns what
        `canonical` does; a caller may remember the texts of entries that do not change.
        """
        lists = (("bindings", self.bindings), ("models", self.models))
        texts = (f'"{name}":[{",".join(map(text_of, items))}]' for name, items in lists if items)
        return f"{{{','.join(texts)}}}".encode()

    def revision(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal: equal revisions are equal catalogs."""
        return hashlib.sha256(self.to_json()).hexdigest()


def read_catalog(text: bytes) -> Catalog:
    """Parse a catalog.

    Unknown fields are ignored, because an older gateway must be able to read the catalog of a newer
    operator.

    Raises:
        ValueError: The text is not a catalog, or of an unknown schema version.
    """
    return Catalog.model_validate_json(text, extra="ignore")
