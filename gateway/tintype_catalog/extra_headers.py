"""Headers of calls, in a Secret: each key is the name of a header. Names only, no values."""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from tintype_catalog.api_options import CONNECTION_HEADERS, HEADER_NAME
from tintype_catalog.provider_binding import ProviderBindingSpec

MAX_HEADERS = 16
"""The most headers of a binding."""

MAX_HEADER_BYTES = 4096
"""The longest value. All files of all bindings share one Secret of 1 MiB."""

MAX_SECRET_NAME = 180
"""Characters: with the prefix and its key, the name becomes a file's name of at most 253."""

_PREFIX = "header"

_NAME = re.compile(HEADER_NAME)
_LONGEST_NAME = 64


def header_file(secret: str, name: str) -> str:
    """Return the name of the file of a header in a gateway's credentials folder.

    Neither names of objects nor of headers have an underscore, so different headers have different
    files.
    """
    return f"{_PREFIX}_{secret}_{name}"


def header_of_file(file: str) -> tuple[str, str] | None:
    """Return the Secret and the name of the header of a file; None for another file."""
    prefix, _, rest = file.partition("_")
    secret, _, name = rest.partition("_")
    return (secret, name) if prefix == _PREFIX and is_header_name(name) else None


def is_header_name(key: str) -> bool:
    """Return whether a key of a Secret may be the name of a header."""
    return len(key) <= _LONGEST_NAME and _NAME.fullmatch(key) is not None


def header_problems(spec: ProviderBindingSpec, keys: Collection[str]) -> Iterator[str]:
    """Yield why the keys of a Secret cannot be the headers of a binding's calls."""
    spellings = Counter(key.lower() for key in keys)
    reserved = CONNECTION_HEADERS | _key_header(spec)
    causes = {
        "is no name of a header": {key for key in keys if not is_header_name(key)},
        "is a header that the gateway sets itself": {
            key for key in keys if key.lower() in reserved
        },
        "is there twice, as upper and lower case make no difference": {
            key for key in keys if spellings[key.lower()] > 1
        },
    }
    for cause, found in causes.items():
        for key in sorted(found):
            yield f"its key `{key}` {cause}"
    if len(keys) > MAX_HEADERS:
        yield f"it has {len(keys)} keys, and a call takes at most {MAX_HEADERS} headers from it"


def _key_header(spec: ProviderBindingSpec) -> frozenset[str]:
    if spec.api is None or spec.credentials.none:
        return frozenset()
    return frozenset({spec.api.key_header.lower()})
