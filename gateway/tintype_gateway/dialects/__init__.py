"""One module for each upstream wire protocol, found by its name: `openai-images` is openai_images.

A dialect is three pure functions, the members of `Dialect`. To add one, add a module.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from tintype_gateway.values import (
    Generation,
    Job,
    Route,
    UpstreamAnswer,
    UpstreamFault,
    UpstreamRequest,
)


class Dialect(Protocol):
    """How one wire protocol says what we mean."""

    def translate(
        self, job: Job, route: Route, images: int, credentials: Mapping[str, str]
    ) -> UpstreamRequest:
        """Return the call that asks for so many of the job's images."""

    def interpret(self, answer: UpstreamAnswer) -> Generation:
        """Return what a successful answer holds.

        Raises:
            UpstreamFault: The answer does not hold what its status promises.
        """

    def read_error(self, answer: UpstreamAnswer) -> UpstreamFault:
        """Return what an answer other than success means."""


def speaks(name: str) -> bool:
    """Return whether this gateway has the dialect."""
    return find_spec(_module(name)) is not None


@cache
def dialect(name: str) -> Dialect:
    """Return the dialect of that name."""
    return cast(Dialect, import_module(_module(name)))


def _module(name: str) -> str:
    return f"{__name__}.{name.replace('-', '_')}"
