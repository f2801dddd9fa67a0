"""The interface of a dialect, which is one upstream wire protocol in one module.

A dialect is three functions and a pattern, the members of `Dialect`. One whose provider can respond
with a stream of events has two functions more, those of `StreamingDialect`, one that also takes
images has the members of `EditingDialect`, and one whose provider is polled for its result those of
`PollingDialect`. `registry.py` lists all dialects, and refuses one that is incomplete.
docs/adding-a-dialect.md explains how to write one.

What holds for every member:

- It is pure: the same arguments give the same result, and none of them is changed. There is no I/O,
  no clock, no randomness and no state but that of an `EventReader`.
- A response may hold anything. Reading one raises `UpstreamFault` and nothing else.
- A credential gets into the headers of a call or into its signer, and into no URL and no fault.
"""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import FEATURES, OperationName
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, Preview
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, Waiting
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse


class NextImage(NamedTuple):
    """The text around images of which a response says nothing more, so that the next one follows.

    A seed or a prompt of an image would be such a thing: the client has to get it with the image,
    before the next one.
    """

    before: re.Pattern[bytes]
    r"""What stands before the opening quote of such an image. It ends with `\Z`."""

    between: re.Pattern[bytes]
    """All between the closing quote of such an image and the opening quote of the next one."""


def next_image_pattern(before: bytes, after: bytes) -> NextImage:
    """Return the patterns for images between these texts, which must match in linear time.

    Args:
        before: From the beginning of the image's entry to its opening quote.
        after: From its closing quote to the beginning of the next entry.
    """
    return NextImage(re.compile(before + rb"\Z"), re.compile(after + before))


class Dialect(Protocol):
    """How the gateway speaks one wire protocol."""

    @property
    def FIRST_IMAGE(self) -> re.Pattern[bytes] | None:
        r"""The text in a response before the opening quote of its first image.

        The pattern is searched in the bytes before the first long string of a response, and ends
        with `\Z`. It has to match in linear time. Where it matches, the base64 of the image goes to
        the client while it arrives, and `interpret` later gets a placeholder in its place.

        None where a response has to be whole before an image in it is known to be the one. Then
        each response is held in memory as a whole.

        A dialect that has a `NEXT_IMAGE`, too, lets further images of a response through. It has
        one if `interpret` returns images between such texts with nothing but their base64, whatever
        the rest of the response says.
        """

    def translate(
        self, job: Job, route: Route, images: int, credentials: Mapping[str, str]
    ) -> UpstreamRequest:
        """Return the call that asks for this number of the job's images.

        Args:
            job: What the client asked for, in the model's own values.
            route: The binding, with the endpoint and the model's id, and the region.
            images: At least 1, at most the model's limit, and 1 where the job is `streamed`.
            credentials: The keys of the binding's Secret, such as `api-key`: one of the sets that
                `tintype_catalog.providers.SERVICES` gives for the dialect.

        Raises:
            UpstreamFault: The credentials lack a key.
        """

    def interpret(self, response: UpstreamResponse) -> CallResult:
        """Return the result in a response of status 200.

        It has at most as many images as were asked for. A refusal of content is no fault: it is
        `rest_refused`, with `refusal_reasons`.

        Raises:
            UpstreamFault: The response does not hold what its status promises.
        """

    def read_error(self, response: UpstreamResponse) -> UpstreamFault:
        """Return the fault of a response of any other status.

        The body has at most 32 KiB, of which the end may be missing. There is always a `date`
        header, for `retry_after`.
        """


class EventReader(Protocol):
    """Reads the events of one call, in their order."""

    def read(self, data: bytes | bytearray) -> Sequence[Preview | CallResult]:
        """Return the previews in an event, and the result if the event completes it.

        Nothing is read after a `CallResult`.

        Args:
            data: The data of one event, without `data:`.

        Raises:
            UpstreamFault: The event reports a fault, or does not have the form of one. The call was
                under way: a kind that may be retried must become another one, by `faults.begun`.
        """

    def end(self) -> CallResult:
        """Return the result, if only the end of the stream completes it.

        Raises:
            UpstreamFault: The stream ended too soon.
        """


@runtime_checkable
class StreamingDialect(Dialect, Protocol):
    """A dialect whose `translate` asks for a stream of events where the job is `streamed`."""

    def streams(self, binding: Binding) -> bool:
        """Return whether the model behind a binding can respond with a stream."""

    def event_reader(self) -> EventReader:
        """Return a new reader for the events of one call."""


@runtime_checkable
class EditingDialect(Dialect, Protocol):
    """A dialect whose `translate` also takes jobs with images, and maybe a mask."""

    @property
    def OPERATIONS(self) -> Collection[OperationName]:
        """What the protocol can be asked for: `generation`, `edit` or `variation`."""

    def mask_convention(self, task: str | None) -> MaskConvention | None:
        """Return how the provider reads the mask of a task, None where it takes no mask."""


@runtime_checkable
class PollingDialect(Dialect, Protocol):
    """A dialect whose provider accepts a call as a task, and is polled until it has a result.

    `translate` returns the call that submits the task, with `RESULT_HOSTS` as its `image_hosts`.
    `FIRST_IMAGE` is None, and `interpret` gets a response with any status from 200 to 299.
    """

    @property
    def API_HOSTS(self) -> Collection[str]:
        """The hosts that may be polled and get the credentials of the call, beside that of the call
        itself: entries as in `tintype_catalog.allowed_hosts`."""

    @property
    def RESULT_HOSTS(self) -> Collection[str]:
        """The hosts of finished images, which never get the credentials: entries as above."""

    def accepted(self, response: UpstreamResponse) -> Task:
        """Return the task that a response to the submitting call names.

        Its status is one from 200 to 299.

        Raises:
            UpstreamFault: It names none. The provider may work on it all the same.
        """

    def progress(self, response: UpstreamResponse, task: Task) -> Waiting | Done:
        """Return how far a task is, by a response to a poll, or to the submitting call.

        Its status is one from 200 to 299. A response that tells nothing that the dialect knows,
        such as a new state, is `Waiting`: the task is polled on.

        Raises:
            UpstreamFault: The task has ended without a result. The fault is `charged` where the
                provider may charge for it.
        """


class IncompleteDialectError(TypeError):
    """A dialect lacks a part of the interface."""


_FUNCTIONS = {
    "translate": ("job", "route", "images", "credentials"),
    "interpret": ("response",),
    "read_error": ("response",),
}
_STREAMING_FUNCTIONS: Mapping[str, tuple[str, ...]] = {"streams": ("binding",), "event_reader": ()}
_EDITING_FUNCTIONS: Mapping[str, tuple[str, ...]] = {"mask_convention": ("task",)}
_POLLING_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "accepted": ("response",),
    "progress": ("response", "task"),
}
_HOST_LISTS = ("API_HOSTS", "RESULT_HOSTS")


def require_complete(name: str, dialect: object) -> None:
    """Check that a dialect is complete, before a request needs it.

    Raises:
        IncompleteDialectError: It does not; the message says what is missing.
    """
    if missing := [*_missing(dialect)]:
        raise IncompleteDialectError(f"the dialect {name} is incomplete: {'; '.join(missing)}")


def _missing(dialect: object) -> Iterator[str]:
    expected = dict(_FUNCTIONS)
    if any(hasattr(dialect, name) for name in _STREAMING_FUNCTIONS):
        expected |= _STREAMING_FUNCTIONS
    if any(hasattr(dialect, name) for name in ("OPERATIONS", *_EDITING_FUNCTIONS)):
        expected |= _EDITING_FUNCTIONS
        if not set(getattr(dialect, "OPERATIONS", ())) & set(FEATURES):
            yield f"it has no OPERATIONS, some of {', '.join(FEATURES)}"
    if any(hasattr(dialect, name) for name in (*_POLLING_FUNCTIONS, *_HOST_LISTS)):
        expected |= _POLLING_FUNCTIONS
        yield from _missing_of_polling(dialect)
    for name, parameters in expected.items():
        if not _takes(getattr(dialect, name, None), parameters):
            yield f"it has no function {name}({', '.join(parameters)})"
    if not isinstance(getattr(dialect, "FIRST_IMAGE", ""), re.Pattern | None):
        yield "it has no FIRST_IMAGE, a compiled pattern of bytes or None"
    elif (pattern := getattr(dialect, "FIRST_IMAGE", None)) and isinstance(pattern.pattern, str):
        yield "its FIRST_IMAGE is a pattern of text, and must be one of bytes"
    if not isinstance(getattr(dialect, "NEXT_IMAGE", None), NextImage | None):
        yield "its NEXT_IMAGE is not made by next_image_pattern"


def _missing_of_polling(dialect: object) -> Iterator[str]:
    for name in _HOST_LISTS:
        hosts = getattr(dialect, name, None)
        if isinstance(hosts, str) or not isinstance(hosts, Collection):
            yield f"it has no {name}, a collection of hosts"
    if getattr(dialect, "FIRST_IMAGE", None) is not None:
        yield "it is polled, and its FIRST_IMAGE must be None"


def _takes(function: object, parameters: Sequence[str]) -> bool:
    """Return whether a function accepts these positional arguments."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        return False
    return True
