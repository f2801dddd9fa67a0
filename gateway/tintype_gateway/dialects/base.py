"""The interface of a dialect, which is one upstream wire protocol in one module.

A dialect is three pure functions and a pattern, the members of `Dialect`. One that can respond with
a stream of events has two members more, those of `StreamingDialect`. `registry.py` names them all.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from tintype_catalog.catalog import Binding
from tintype_gateway.values import (
    Generation,
    Job,
    Preview,
    Route,
    UpstreamAnswer,
    UpstreamFault,
    UpstreamRequest,
)


class Dialect(Protocol):
    """How one wire protocol says what we mean."""

    @property
    def FIRST_PICTURE(self) -> re.Pattern[bytes] | None:
        """What stands in an answer before the opening quote of its first picture.

        None where an answer has to be whole before a picture in it is known to be the one.
        """

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


class EventReader(Protocol):
    """Reads the events of one call, in their order."""

    def read(self, data: bytes | bytearray) -> Sequence[Preview | Generation]:
        """Return the previews that an event brings, and what was generated where it completes it.

        Raises:
            UpstreamFault: The event tells of a fault, or does not have the form of one.
        """

    def end(self) -> Generation:
        """Return what was generated, where only the end of the stream completes it.

        Raises:
            UpstreamFault: The stream ended too soon.
        """


@runtime_checkable
class StreamingDialect(Dialect, Protocol):
    """A dialect whose `translate` asks for a stream of events where the job is `streamed`."""

    def streams(self, binding: Binding) -> bool:
        """Return whether the model behind a binding can answer so."""

    def event_reader(self) -> EventReader:
        """Return what reads the events of one call."""
