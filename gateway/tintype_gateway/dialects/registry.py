"""All dialects by their names: the values of `dialect` in a ProviderBinding."""

from tintype_catalog.catalog import Binding
from tintype_gateway.dialects import openai_images
from tintype_gateway.dialects.base import Dialect, StreamingDialect, require_complete
from tintype_gateway.dialects.bedrock import amazon, stability
from tintype_gateway.dialects.google import generate_content, predict

DIALECTS: dict[str, Dialect] = {}
_STREAMING: dict[str, StreamingDialect] = {}


def register(name: str, dialect: Dialect) -> None:
    """Add a dialect, in the place of any other of that name.

    Raises:
        IncompleteDialectError: It lacks a part of the interface.
    """
    require_complete(name, dialect)
    DIALECTS[name] = dialect
    _STREAMING.pop(name, None)
    if isinstance(dialect, StreamingDialect):  # slow, so that it is asked once
        _STREAMING[name] = dialect


register("openai-images", openai_images)
register("bedrock-amazon", amazon)
register("bedrock-stability", stability)
register("google-predict", predict)
register("google-generate-content", generate_content)


def supports(name: str) -> bool:
    """Return whether this gateway has the dialect."""
    return name in DIALECTS


def get_dialect(name: str) -> Dialect:
    """Return the dialect of that name.

    Raises:
        KeyError: There is none.
    """
    return DIALECTS[name]


def streams(binding: Binding) -> bool:
    """Return whether the provider itself streams the images of a binding."""
    dialect = _STREAMING.get(binding.dialect)
    return dialect is not None and dialect.streams(binding)
