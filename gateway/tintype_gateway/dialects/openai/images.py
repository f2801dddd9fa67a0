"""The OpenAI Images API as openai-python 3.52 speaks it: JSON for generations, and forms for edits
and variations.

Other servers have the same paths. `api` of a binding says how they differ (`options.py`).
"""

import re

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.openai.errors import read_error
from tintype_gateway.dialects.openai.options import options_of
from tintype_gateway.dialects.openai.requests import ENDPOINT, VARIATIONS, translate
from tintype_gateway.dialects.openai.responses import EventReader, event_reader, interpret

__all__ = [
    "ENDPOINT",
    "FIRST_IMAGE",
    "OPERATIONS",
    "VARIATIONS",
    "EventReader",
    "event_reader",
    "interpret",
    "mask_convention",
    "read_error",
    "streams",
    "translate",
]

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

FIRST_IMAGE = re.compile(rb'"data"\s*:\s*\[\s*\{[^{}\[\]]*"b64_json"\s*:\s*\Z')
"""What stands before the first image of a response."""


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: transparent pixels change. A variation has no mask."""
    return None if task == VARIATIONS else "alpha"


def streams(binding: Binding) -> bool:
    """Return whether the model can respond with a stream."""
    return options_of(binding).streaming
