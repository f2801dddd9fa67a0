"""All dialects by their names: the values of `dialect` in a ProviderBinding."""

from collections.abc import Mapping
from functools import cache

from tintype_catalog.catalog import Binding
from tintype_gateway.dialects import openai_images
from tintype_gateway.dialects.base import Dialect, StreamingDialect
from tintype_gateway.dialects.bedrock import amazon, stability
from tintype_gateway.dialects.google import generate_content, predict

DIALECTS: Mapping[str, Dialect] = {
    "openai-images": openai_images,
    "bedrock-amazon": amazon,
    "bedrock-stability": stability,
    "google-predict": predict,
    "google-generate-content": generate_content,
}


def supports(name: str) -> bool:
    """Return whether this gateway has the dialect."""
    return name in DIALECTS


def dialect(name: str) -> Dialect:
    """Return the dialect of that name.

    Raises:
        KeyError: There is none.
    """
    return DIALECTS[name]


def streams(binding: Binding) -> bool:
    """Return whether the provider itself streams the images of a binding."""
    language = _streaming(binding.dialect)
    return language is not None and language.streams(binding)


@cache
def _streaming(name: str) -> StreamingDialect | None:
    """Return the dialect of that name if it streams: a look at a protocol's members is slow."""
    language = dialect(name)
    return language if isinstance(language, StreamingDialect) else None
