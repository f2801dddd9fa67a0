"""The compiled snapshot of all models and bindings: what gateways read."""

import hashlib
import json
from typing import Final, Literal

from tintype_catalog.contract import Contract, ObjectName
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.provider_binding import ProviderBindingSpec

SCHEMA_VERSION: Final = 1


class Model(ImageModelSpec):
    """An ImageModel in the catalog."""

    name: ObjectName
    """The name of the object that it comes from."""


class Binding(ProviderBindingSpec):
    """A ProviderBinding in the catalog."""

    name: ObjectName
    """The name of the object that it comes from."""


class Catalog(Contract):
    """All models and bindings, each sorted by name, so that equal content is equal bytes."""

    schema_version: Literal[1] = SCHEMA_VERSION
    """Changes only when the meaning changes. A reader refuses one that it does not know."""

    models: tuple[Model, ...] = ()
    """Every accepted model."""

    bindings: tuple[Binding, ...] = ()
    """Every accepted binding, each to one of the models."""

    def to_json(self) -> bytes:
        """Return the one JSON text of this content: what is digested and shipped.

        Its keys are sorted, since equal mappings may differ in their order.
        """
        content = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    def revision(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal: equal revisions are equal catalogs."""
        return hashlib.sha256(self.to_json()).hexdigest()


def read_catalog(text: bytes) -> Catalog:
    """Return the catalog that `text` holds.

    A reader is tolerant of fields that a newer writer added, since an older gateway must be able
    to read what a newer operator writes.

    Raises:
        ValueError: The text is not such a catalog, or of a schema version that we do not know.
    """
    return Catalog.model_validate_json(text, extra="ignore")
