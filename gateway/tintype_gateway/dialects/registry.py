"""All dialects by their names: the values of `dialect` in a ProviderBinding."""

import re

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects import bfl, fal, replicate, xai_images
from tintype_gateway.dialects.base import (
    Dialect,
    EditingDialect,
    NextImage,
    PollingDialect,
    StreamingDialect,
    require_complete,
)
from tintype_gateway.dialects.bedrock import amazon, stability
from tintype_gateway.dialects.google import (
    generate_content,
    predict,
    vertex_generate_content,
    vertex_predict,
)
from tintype_gateway.dialects.openai import azure, images

DIALECTS: dict[str, Dialect] = {}
_STREAMING: dict[str, StreamingDialect] = {}
_EDITING: dict[str, EditingDialect] = {}
_POLLING: dict[str, PollingDialect] = {}

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
    _POLLING.pop(name, None)
    if isinstance(dialect, StreamingDialect):  # slow, so it is done once
        _STREAMING[name] = dialect
    if isinstance(dialect, EditingDialect):
        _EDITING[name] = dialect
    if isinstance(dialect, PollingDialect):
        _POLLING[name] = dialect


register("openai-images", images)
register("azure-openai", azure)
register("bedrock-amazon", amazon)
register("bedrock-stability", stability)
register("google-predict", predict)
register("google-generate-content", generate_content)
register("vertex-predict", vertex_predict)
register("vertex-generate-content", vertex_generate_content)
register("xai-images", xai_images)
register("fal", fal)
register("replicate", replicate)
register("bfl", bfl)


def supports(name: str, operation: OperationName | None = None) -> bool:
    """Return whether this gateway has the dialect, and can ask for an operation in it."""
    if operation is None or name not in DIALECTS:
        return name in DIALECTS
    editing = _EDITING.get(name)
    return operation in (editing.OPERATIONS if editing else GENERATION)


def serves(binding: Binding, operation: OperationName) -> bool:
    """Return whether the provider of a binding can be asked for an operation."""
    options = binding.api or binding.input
    has_operation = options is None or operation in options.operations
    return has_operation and supports(binding.dialect, operation)


def mask_convention(binding: Binding, task: str | None) -> MaskConvention | None:
    """Return how a binding's provider reads the mask of a task, None where it takes no mask."""
    editing = _EDITING.get(binding.dialect)
    convention = editing.mask_convention(task) if editing else None
    options = binding.api or binding.input
    if convention is None or options is None:
        return convention
    return options.mask.convention if options.mask else None


def first_image(binding: Binding) -> re.Pattern[bytes] | None:
    """Return what stands before the first image of a response that may be passed through.

    None where the response must be whole: so the dialect says, or text is removed from images.
    """
    api = binding.api
    if api is not None and (api.strip_text or api.send.response_format == "url"):
        return None
    return get_dialect(binding.dialect).FIRST_IMAGE


def next_image(binding: Binding) -> NextImage | None:
    """Return what stands around images of a response that may all be passed through.

    None where further images must be whole, so that the dialect can read what is said of them.
    """
    texts: NextImage | None = getattr(get_dialect(binding.dialect), "NEXT_IMAGE", None)
    return texts


def get_dialect(name: str) -> Dialect:
    """Return a dialect by name.

    Raises:
        KeyError: There is no such dialect.
    """
    return DIALECTS[name]


def polling_dialect(name: str) -> PollingDialect | None:
    """Return a dialect by name if its provider is polled for the result of a call, else None."""
    return _POLLING.get(name)


def streams(binding: Binding) -> bool:
    """Return whether the provider itself streams the images of a binding."""
    dialect = _STREAMING.get(binding.dialect)
    return dialect is not None and dialect.streams(binding)
