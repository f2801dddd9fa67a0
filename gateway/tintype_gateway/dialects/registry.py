"""All dialects by their names: the values of `dialect` in a ProviderBinding."""

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects import openai_images
from tintype_gateway.dialects.base import (
    Dialect,
    EditingDialect,
    StreamingDialect,
    require_complete,
)
from tintype_gateway.dialects.bedrock import amazon, stability
from tintype_gateway.dialects.google import generate_content, predict

DIALECTS: dict[str, Dialect] = {}
_STREAMING: dict[str, StreamingDialect] = {}
_EDITING: dict[str, EditingDialect] = {}

GENERATION: frozenset[OperationName] = frozenset(("generation",))
"""What a dialect can be asked for that takes no images."""


def register(name: str, dialect: Dialect) -> None:
    """Add a dialect, or replace the one of that name.

    Raises:
        IncompleteDialectError: It lacks a part of the interface.
    """
    require_complete(name, dialect)
    DIALECTS[name] = dialect
    _STREAMING.pop(name, None)
    _EDITING.pop(name, None)
    if isinstance(dialect, StreamingDialect):  # slow, so it is done once
        _STREAMING[name] = dialect
    if isinstance(dialect, EditingDialect):
        _EDITING[name] = dialect


register("openai-images", openai_images)
register("bedrock-amazon", amazon)
register("bedrock-stability", stability)
register("google-predict", predict)
register("google-generate-content", generate_content)


def supports(name: str, operation: OperationName | None = None) -> bool:
    """Return whether this gateway has the dialect, and can ask for an operation in it."""
    if operation is None or name not in DIALECTS:
        return name in DIALECTS
    editing = _EDITING.get(name)
    return operation in (editing.OPERATIONS if editing else GENERATION)


def mask_convention(name: str, task: str | None) -> MaskConvention | None:
    """Return how a dialect's provider reads the mask of a task, None where it takes no mask."""
    editing = _EDITING.get(name)
    return editing.mask_convention(task) if editing else None


def get_dialect(name: str) -> Dialect:
    """Return a dialect by name.

    Raises:
        KeyError: There is no such dialect.
    """
    return DIALECTS[name]


def streams(binding: Binding) -> bool:
    """Return whether the provider itself streams the images of a binding."""
    dialect = _STREAMING.get(binding.dialect)
    return dialect is not None and dialect.streams(binding)
